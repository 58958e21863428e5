"""The SDK's stream, with two changes: received data is passed on immediately, whatever the body's framing, and a stopped stream ends.

A body that ends with the connection, as every HTTP/1.0 proxy sends it, reaches the SDK only in pieces of 10,000 bytes. So a patch would
wait for later patches, and a small first message would wait forever. A stream that is stopped while it connects would continue to stream
once it is connected.
"""

import threading
from collections.abc import Iterator
from typing import Any, Final

import urllib3
from ld_eventsource import SSEClient
from ld_eventsource.config import ConnectStrategy, ErrorStrategy, RetryDelayStrategy
from ldclient.impl.datasource.streaming import StreamingUpdateProcessor, stream_read_timeout
from ldclient.impl.util import log

from migration.flags.sources.asking import SdkHttp, close

_PIECE: Final = 65_536


class PromptPool:
    """A pool of connections whose streamed responses pass on data as soon as it arrives. A closed pool passes on nothing.

    Args:
        pool: sends the requests.
    """

    def __init__(self, pool: urllib3.PoolManager) -> None:
        self._pool = pool
        self._closed = threading.Event()
        self._last: urllib3.BaseHTTPResponse | None = None

    def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:  # noqa: ANN401 - of any pool
        """Send a request, and return the response. Raises urllib3's errors."""
        response = self._last = self._pool.request(method, url, **options)
        if self._closed.is_set():
            response.close()
            raise urllib3.exceptions.HTTPError("closed meanwhile")
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            response.close()  # the SDK only reads it, so it is closed here
        elif not getattr(response, "chunked", False):
            vars(response)["stream"] = lambda *_: _arrived(response)
        return response

    def close(self) -> None:
        """Close the connections, including those that are not established yet."""
        self._closed.set()
        close(self._pool)

    def end(self) -> None:
        """Close the last response too, in the reading thread: the SDK drops a response that arrives while it is stopped, and never
        closes it.
        """
        self.close()
        if self._last is not None:
            self._last.close()


class PromptStream(StreamingUpdateProcessor):
    """`StreamingUpdateProcessor` on a `PromptPool`."""

    _pool: PromptPool | None = None

    def run(self) -> None:
        """Stream until stopped. Called in its own thread."""
        try:
            super().run()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        finally:
            if self._pool is not None:
                self._pool.end()

    def stop(self) -> None:
        """Stop. Called by the SDK."""
        super().stop()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        if self._pool is not None:
            self._pool.close()

    def _create_sse_client(self) -> SSEClient:
        http = SdkHttp(self._config)
        timeout = urllib3.Timeout(connect=self._config.http.connect_timeout, read=stream_read_timeout)
        self._pool = PromptPool(http.pool(self._uri))
        # The SDK passes the same arguments, because it handles errors and delays itself.
        return SSEClient(
            connect=ConnectStrategy.http(self._uri, http.headers, self._pool, {"timeout": timeout}),
            error_strategy=ErrorStrategy.always_continue(),
            initial_retry_delay=0,
            retry_delay_strategy=RetryDelayStrategy(),
            retry_delay_reset_threshold=0,
            logger=log,
        )


def _arrived(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    while piece := response.read1(_PIECE):
        yield piece
