"""Ports for the Anthropic SDK: `AsyncAnthropic(http_client=async_http_client())`.

The SDK's surface stays as it is: all clients, all endpoints, `stream=True`, `.stream(...)`, raw responses, errors,
retries. Clients for Bedrock and Vertex take an `http_client` too. Needs the extra `[anthropic]`.
"""

from migration.extras import extra

with extra("anthropic"):
    import httpx2
    from anthropic import DefaultAsyncHttpxClient, DefaultHttpxClient

    from migration.adapters.model_http import AsyncModelTransport, ModelTransport

__all__ = ["async_http_client", "http_client"]


def async_http_client(client: httpx2.AsyncClient | None = None, *, lane: str | None = None) -> httpx2.AsyncClient:
    """Return an HTTP client for `AsyncAnthropic` whose exchanges are effects.

    Args:
        client: reaches the outside, with proxies and certificates of its own; None: as the SDK makes it.
        lane: who asks; None: the lane of the context.
    """
    ported = DefaultAsyncHttpxClient(transport=AsyncModelTransport(lambda: client or DefaultAsyncHttpxClient(), lane=lane))
    if client is not None:
        ported.timeout = client.timeout
    return ported


def http_client(client: httpx2.Client | None = None, *, lane: str | None = None) -> httpx2.Client:
    """Return an HTTP client for `Anthropic`; otherwise as `async_http_client`."""
    ported = DefaultHttpxClient(transport=ModelTransport(lambda: client or DefaultHttpxClient(), lane=lane))
    if client is not None:
        ported.timeout = client.timeout
    return ported
