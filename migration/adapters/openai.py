"""Ports for the OpenAI SDK, and for everything that uses it: `AsyncOpenAI(http_client=async_http_client())`.

The SDK's interface is unchanged: both clients, all endpoints, `stream=True`, `.stream(...)`, `.parse(...)`, raw responses, errors, retries.
Needs the extra `[openai]`.
"""

import platform

from migration.extras import extra

with extra("openai"):
    import httpx2
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

    from migration.adapters.model_http import async_client_of, client_of

__all__ = ["async_http_client", "http_client"]

# The SDK calls this at its first request, and Python then starts `uname`. Call it once now, when a shadow may still start a program.
platform.platform()


def async_http_client(client: httpx2.AsyncClient | None = None, *, lane: str | None = None) -> httpx2.AsyncClient:
    """Return an HTTP client for `AsyncOpenAI`; each of its exchanges is an effect.

    Args:
        client: the client that reaches the outside, with its own proxies and certificates; None: a client like the SDK's own.
        lane: the lane of its effects; None: the lane of the current context.
    """
    return async_client_of(DefaultAsyncHttpxClient, client, lane)


def http_client(client: httpx2.Client | None = None, *, lane: str | None = None) -> httpx2.Client:
    """Like `async_http_client`, for the synchronous `OpenAI`."""
    return client_of(DefaultHttpxClient, client, lane)
