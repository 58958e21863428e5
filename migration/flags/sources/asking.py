"""One HTTP request with limits on the size of its answer and on its total time, even if the answer arrives slowly."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import urllib3
from ldclient import Config
from ldclient.impl.http import _http_factory

from migration.flags.sources.trouble import text_trouble

_LIMIT: Final = 64_000_000
_PIECE: Final = 65_536


class SdkHttp:
    """The connection settings of LaunchDarkly's SDK: its headers, authorities, and proxy.

    Args:
        config: the SDK's configuration.
    """

    def __init__(self, config: Config) -> None:
        self._factory = _http_factory(config)  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        self.headers: Mapping[str, str] = self._factory.base_headers  #: includes the SDK key

    def pool(self, address: str) -> urllib3.PoolManager:
        """Return new connections to that address."""
        pool: urllib3.PoolManager = self._factory.create_pool_manager(1, address)
        return pool


def close(pool: urllib3.PoolManager) -> None:
    """Close the pool's connections, because `clear` alone leaves them to the garbage collector."""
    for key in list(pool.pools.keys()):
        connections = pool.pools.get(key)
        if connections is not None:
            connections.close()
    pool.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]  #: the case of names is not fixed
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether the answer is an HTML page, as proxies send."""
        return self.headers.get("Content-Type", "").startswith("text/html") or self.body.lstrip()[:1] == b"<"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """The limits of a request in time and size."""

    connect_s: float
    answer_s: float  #: seconds for the whole answer
    size: int = _LIMIT  #: bytes of the answer


class AskError(Exception):
    """A request had no complete answer; the message is for operators."""


def ask(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    limits: HttpLimits,
    body: bytes | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> HttpAnswer:
    """Send a request and return the whole answer; redirections are not followed.

    Raises:
        AskError: the request could not be sent, or was not answered completely and in time.
    """
    give_up = clock() + limits.connect_s + limits.answer_s
    timeout = urllib3.Timeout(connect=limits.connect_s, read=limits.answer_s)
    try:
        response = pool.request(method, url, headers=headers, body=body, timeout=timeout, retries=False, preload_content=False)
        try:
            found = _whole(response, limits.size, lambda: clock() > give_up)
        except BaseException:
            response.close()
            raise
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise AskError(text_trouble(str(error))) from None
    response.release_conn()
    return HttpAnswer(status=response.status, headers=response.headers, body=found)


def _whole(response: urllib3.BaseHTTPResponse, size: int, late: Callable[[], bool]) -> bytes:
    found = b""
    # A socket's time-out starts again with every byte, so the whole request needs a separate limit.
    while piece := response.read1(_PIECE):
        found += piece
        if len(found) > size:
            raise AskError("the answer is too large to be LaunchDarkly's")
        if late():
            raise AskError("it does not answer in time")
    return found
