"""Delivers items to a collector from a bounded queue, in a thread of its own. What does not arrive is counted, by reason."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Generic, Literal, Protocol, TypeVar

from migration.telemetry.collector import CollectorAnswer, Transport

logger = logging.getLogger(__name__)

LossReason = Literal["full", "refused", "closed", "undecided"]
"""Why something was not delivered. `full`: the queue was; `refused`: the collector did not take it, or did not answer; `closed`: the
process ended; `undecided`: a run that was not drawn waited for its verdict, and too many waited.
"""
OnLost = Callable[[LossReason, int], None]
"""Called with the number of items that were lost just now."""

WAITING: Final = 512
"""Units that may wait. An item takes one, and one more for each 64 KiB that it needs, so at most about 32 MiB wait."""

_UNIT_BYTES: Final = 2**16
_BATCH: Final = 512
_BATCH_BYTES: Final = 2**20
_EVERY_S: Final = 0.5
_TIMEOUT_S: Final = 10.0
_TRY_FOR_S: Final = 30.0
_FIRST_WAIT_S: Final = 1.0
_SLICE_S: Final = 0.05


class Item(Protocol):
    """Something to deliver."""

    @property
    def size(self) -> int:
        """How many spans or lines it is."""
        ...

    @property
    def weight_bytes(self) -> int:
        """About how much memory it needs while it waits."""
        ...


_Item = TypeVar("_Item", bound=Item)


class _Filler:
    """Takes a unit of the queue for the item before it, so that the length of the queue says how much memory it needs."""

    size = weight_bytes = 0


_FILLER: Final = _Filler()


class SpanDelivery(Generic[_Item]):
    """Sends items in batches. `put` takes no lock and never waits; all work is done by the thread.

    Args:
        transport: the connection to the collector.
        encode: makes the bytes of each span or line of an item, in the thread.
        request: joins them to a request.
        on_lost: counts losses.
        waiting: units that may wait.
        try_for_s: seconds for which a batch is tried.
        timeout_s: seconds for one attempt.
    """

    def __init__(
        self,
        transport: Transport,
        encode: Callable[[_Item], Iterator[bytes]],
        request: Callable[[list[bytes]], bytes],
        on_lost: OnLost,
        *,
        waiting: int = WAITING,
        try_for_s: float = _TRY_FOR_S,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._transport, self._encode, self._request, self._on_lost = transport, encode, request, on_lost
        self._most, self._try_for_s, self._timeout_s = waiting, try_for_s, timeout_s
        self._queue: deque[_Item | _Filler] = deque()
        self._closing = threading.Event()
        self._given_up = False
        self._closed = False
        self._sending = 0
        self._complained = False
        self._thread = threading.Thread(target=self._work, name="telemetry", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Units that wait."""
        return len(self._queue)

    def put(self, item: _Item) -> None:
        """Queue the item, or count it as lost. Never waits, never raises."""
        if self._closed:
            self._on_lost("closed", item.size)
        elif len(self._queue) >= self._most:
            self._on_lost("full", item.size)
        else:
            self._queue.append(item)
            if fillers := item.weight_bytes // _UNIT_BYTES:
                self._queue.extend([_FILLER] * fillers)

    def close(self, timeout_s: float) -> None:
        """Deliver what waits, for at most this time; count the rest as lost. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._closing.set()
        self._thread.join(timeout_s)
        self._given_up = True
        left = self._sending + sum(item.size for item in self._drained())
        if left:
            self._on_lost("closed", left)
        self._transport.close()

    def _drained(self) -> Iterator[_Item]:
        while self._queue:
            try:
                item = self._queue.popleft()
            except IndexError:  # the thread took the last one
                return
            if not isinstance(item, _Filler):
                yield item

    def _work(self) -> None:
        while not self._given_up:
            last = self._closing.wait(_EVERY_S)
            while self._queue and not self._given_up:
                self._deliver()
            if last:
                return

    def _deliver(self) -> None:
        """Build and send one batch."""
        parts: list[bytes] = []
        size = 0
        for item in self._drained():
            self._sending += item.size
            try:
                parts += self._encode(item)
            except Exception as error:  # noqa: BLE001 - an item that cannot be encoded must not stop the delivery
                logger.error(  # noqa: TRY400 - a traceback could quote a run
                    "an item of telemetry cannot be encoded: %s",
                    type(error).__name__,
                )
                self._sending -= item.size
                self._on_lost("refused", item.size)
            size = sum(map(len, parts)) if len(parts) < _BATCH else _BATCH_BYTES
            if size >= _BATCH_BYTES:
                break
            time.sleep(0)  # lets the event loop run between two items
        if parts:
            self._send(parts)

    def _send(self, parts: list[bytes]) -> None:
        body, until, wait_s = self._request(parts), time.monotonic() + self._try_for_s, _FIRST_WAIT_S
        while True:
            answer = self._transport.send(body, self._timeout_s)
            pause_s = wait_s if answer.after_s is None else answer.after_s
            if answer.arrived or not answer.again or self._given_up or not self._paused(pause_s, until):
                break
            wait_s *= 2
        lost = answer.rejected if answer.arrived else len(parts)
        self._told(answer, lost)
        if not self._given_up:  # otherwise `close` has counted them
            self._sending = 0
            if lost:
                self._on_lost("refused", min(lost, len(parts)))

    def _paused(self, pause_s: float, until: float) -> bool:
        """Wait for the next attempt; return False if there is no time for it."""
        now = time.monotonic()
        if now + pause_s > until:
            return False
        resume = now + pause_s
        while (left := resume - time.monotonic()) > 0:
            if self._closed:  # only one more attempt, at once
                return not self._given_up and until > resume
            time.sleep(min(left, _SLICE_S))
        return True

    def _told(self, answer: CollectorAnswer, lost: int) -> None:
        """Log the first of several losses, and the recovery."""
        if lost and not self._complained:
            logger.warning(
                "telemetry is lost: %s; look at the collector behind NETRA_MIGRATION_OTLP_ENDPOINT", answer.problem or "rejected"
            )
        elif not lost and self._complained:
            logger.warning("telemetry arrives again")
        self._complained = bool(lost)
