"""Delivers LaunchDarkly's events: events that the SDK would drop during a short network failure are kept and sent again.

The SDK's event processor tries twice within a second and then drops its events, and after one 401, 403 or 404 it sends nothing until the
process ends. Migration op events must arrive, so they wait here. They keep their payload id, by which LaunchDarkly recognises duplicates.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import urllib3
from ldclient import Config
from ldclient.impl.events.event_processor import DefaultEventProcessor

from migration.flags.sources.asking import SdkHttp, close
from migration.flags.sources.trouble import PAGE, status_trouble, text_trouble

logger = logging.getLogger(__name__)
_PATIENCE_S: Final = 600.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_REDIRECTS: Final = 300  #: this and every status above it is a failure
_HOPELESS: Final = frozenset({400, 413})
"""Statuses that would be the same if the payload were sent again."""


def say_loss(trouble: str) -> None:
    """Log that events were lost, and why."""
    logger.warning("flags: events for LaunchDarkly were lost: %s", trouble)


class PatientEventProcessor(DefaultEventProcessor):
    """The SDK's own event processor, with a sender that does not give up immediately.

    Args:
        config: provides the address for events, key, authorities and proxy.
        on_loss: called with the reason each time a payload is lost, in the sending thread; by default it logs.
    """

    def __init__(self, config: Config, on_loss: Callable[[str], None] = say_loss) -> None:
        self._sender = PatientSender(SdkHttp(config).pool(config.events_uri), on_loss=on_loss)
        super().__init__(config, http=self._sender)  # type: ignore[no-untyped-call]  # the SDK leaves it without types

    def stop(self) -> None:
        """Send the remaining events without retries, and stop."""
        self._sender.hurry()
        super().stop()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        self._sender.close()


class PatientSender:
    """The replacement for the SDK's connection pool.

    Args:
        pool: sends the requests.
        on_loss: called with the reason each time a payload is lost; by default it logs.
        patience_s: seconds for which a payload is retried; meanwhile new events collect in the SDK's bounded buffer.
    """

    def __init__(
        self,
        pool: urllib3.PoolManager,
        *,
        on_loss: Callable[[str], None] = say_loss,
        patience_s: float = _PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool, self._on_loss, self._patience_s, self._clock = pool, on_loss, patience_s, clock
        self._hurry = threading.Event()

    def hurry(self) -> None:
        """From now on try each payload only once, without waiting."""
        self._hurry.set()

    def close(self) -> None:
        """Close the connections."""
        close(self._pool)

    def request(self, method: str, url: str, **options: Any) -> "urllib3.BaseHTTPResponse | _Answer":  # noqa: ANN401 - of any pool
        """Send until the payload is accepted or lost; the returned answer makes the SDK continue sending."""
        give_up, wait_s = self._clock() + self._patience_s, _FIRST_WAIT_S
        while True:
            last = self._hurry.is_set() or self._clock() >= give_up
            response, trouble = self._try(method, url, options)
            if response is not None and response.status < _REDIRECTS:
                return response
            if last or (response is not None and response.status in _HOPELESS):
                self._on_loss(trouble)
                return _Answer()
            self._hurry.wait(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _try(self, method: str, url: str, options: Mapping[str, Any]) -> tuple[urllib3.BaseHTTPResponse | None, str]:
        limit = {"timeout": urllib3.Timeout(connect=2, read=3)} if self._hurry.is_set() else {}
        try:
            response = self._pool.request(method, url, **{**options, **limit, "retries": False})
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return None, text_trouble(str(error))
        if response.status < _REDIRECTS and response.headers.get("Content-Type", "").startswith("text/html"):
            return None, PAGE
        return response, status_trouble(response.status)


class _Answer:
    """An answer that means "accepted", so that the SDK neither tries again nor stops permanently."""

    status = 202
    headers: Mapping[str, str] = {}
