"""Ports for the Anthropic SDK: `AsyncAnthropic(http_client=async_http_client())`.

The SDK's interface is unchanged: both clients, all endpoints, `stream=True`, `.stream(...)`, raw responses, errors, retries. Needs the
extra `[anthropic]`.
"""

from migration.extras import extra

with extra("anthropic"):
    import httpx2
    from anthropic import DefaultAsyncHttpxClient, DefaultHttpxClient

    from migration.adapters.model_http import async_client_of, client_of

__all__ = ["async_http_client", "http_client"]


def async_http_client(client: httpx2.AsyncClient | None = None, *, lane: str | None = None) -> httpx2.AsyncClient:
    """Return an HTTP client for `AsyncAnthropic`; each of its exchanges is an effect.

    Args:
        client: the client that reaches the outside, with its own proxies and certificates; None: a client like the SDK's own.
        lane: the lane of its effects; None: the lane of the current context.
    """
    return async_client_of(DefaultAsyncHttpxClient, client, lane)


def http_client(client: httpx2.Client | None = None, *, lane: str | None = None) -> httpx2.Client:
    """Like `async_http_client`, for the synchronous `Anthropic`."""
    return client_of(DefaultHttpxClient, client, lane)
