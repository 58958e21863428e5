"""Sends a controller's events to a webhook, signed, in a form that Slack shows. Each event is sent again until it is accepted or too old.

The body has only the fields `text`, `surface`, `what`, `reasons`, `evidence`, `id` and `at`; names of tenants are left out. If there is a
key, `X-Netra-Signature` is `v1=` followed by an HMAC-SHA256 in hex. It is computed over the time in `X-Netra-Timestamp`, a dot and the
body. An event may arrive twice;
its `id` and `X-Netra-Delivery` are then the same.
"""

import hashlib
import hmac
import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import urllib3

from migration.rollout.happened import Happened

logger = logging.getLogger(__name__)

DEADLINE_S: Final = 300.0  #: seconds after which an event is no longer sent
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
_TIMEOUT_S: Final = 5.0
_WAITING: Final = 1000
_TAKEN: Final = range(200, 300)
_AGAIN: Final = frozenset({408, 425, 429, *range(500, 600)})
_HIDDEN: Final = "(a tenant)"


class Post(Protocol):
    """Sends a body, and returns the status of the answer. Raises OSError or urllib3's HTTPError if there is none."""

    def __call__(self, body: bytes, headers: dict[str, str], /) -> int:
        """Send it."""
        ...


def posting(url: str) -> Post:
    """Return a function that sends to a URL."""
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=_TIMEOUT_S), retries=False)

    def post(body: bytes, headers: dict[str, str], /) -> int:
        # A redirect is not followed: it could lead the body somewhere else.
        return pool.request("POST", url, body=body, headers=headers, redirect=False).status

    return post


class Webhook:
    """Delivers events in their order, in a separate thread. It must be closed.

    Args:
        post: sends one event.
        key: key of the signature; "": it is not signed.
        wall: Unix seconds.
        monotonic: seconds that only rise.
        wait: waits that many seconds, or until it is closed; True: it was closed.
    """

    def __init__(
        self,
        post: Post,
        key: str,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._post, self._key, self._wall, self._monotonic = post, key, wall, monotonic
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._waiting: queue.Queue[Happened | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="migration-webhook", daemon=True)
        self._thread.start()

    def tell(self, happened: Happened) -> None:
        """Deliver an event soon. Never waits."""
        try:
            self._waiting.put_nowait(happened)
        except queue.Full:
            logger.error("webhook: %d events wait already; not delivered: %s", _WAITING, happened.sentence)  # noqa: TRY400 - says it all

    def close(self, within_s: float = _TIMEOUT_S) -> None:
        """Try to deliver each waiting event at most once more, and stop."""
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join(within_s)

    def _run(self) -> None:
        while (happened := self._waiting.get()) is not None:
            self.deliver(happened)

    def deliver(self, happened: Happened) -> bool:
        """Deliver one event; return whether it was accepted."""
        body, name = as_body(happened, self._wall()), happened.id or uuid.uuid4().hex
        until, wait_s = self._monotonic() + DEADLINE_S, _FIRST_WAIT_S
        while True:
            problem = self._once(body, name)
            if problem is None:
                return True
            final = not problem.endswith("again")
            if final or self._monotonic() + wait_s > until or self._wait(wait_s):
                logger.error("webhook: not delivered (%s): %s", problem, happened.sentence)
                return False
            wait_s = min(_LONGEST_WAIT_S, 2 * wait_s)

    def _once(self, body: bytes, name: str) -> str | None:
        """Send it once, and return what went wrong; None: it was accepted."""
        try:
            status = self._post(body, self._headers(body, name))
        except (OSError, urllib3.exceptions.HTTPError) as error:
            return f"{type(error).__name__}, try again"  # its text may contain the URL, which is a secret
        if status in _TAKEN:
            return None
        return f"status {status}" + (", try again" if status in _AGAIN else "")

    def _headers(self, body: bytes, name: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "X-Netra-Delivery": name}
        if self._key:
            at = f"{self._wall():.0f}"
            signed = hmac.new(self._key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            headers |= {"X-Netra-Timestamp": at, "X-Netra-Signature": f"v1={signed}"}
        return headers


def as_body(happened: Happened, at: float) -> bytes:
    """Return the body of an event."""
    sentence = happened.sentence
    for tenant in sorted(happened.tenants, key=len, reverse=True):
        sentence = sentence.replace(tenant, _HIDDEN)
    text = "\n".join((sentence, *(f"- {reason}" for reason in happened.reasons), *([happened.evidence] if happened.evidence else [])))
    return msgspec.json.encode(
        {
            "text": text,
            "surface": happened.surface,
            "what": happened.what,
            "reasons": happened.reasons,
            "evidence": happened.evidence,
            "id": happened.id,
            "at": at,
        }
    )
