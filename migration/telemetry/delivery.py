"""Delivers spans to a collector. The number of waiting spans is limited, and each lost span is counted."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from migration.telemetry.allowed import allowed
from migration.telemetry.provider import Keeper

logger = logging.getLogger(__name__)

WAITING: Final = 2048
"""At most this many spans wait or are open; further ones are lost, and counted."""

_BATCH: Final = 512
_EVERY_MS: Final = 1000.0
_PATIENCE_S: Final = 5.0


class SpanDelivery(Keeper):
    """Passes allowed spans to an exporter, in a separate thread.

    OpenTelemetry's own queue drops spans that do not fit, and does not count them; so no span waits in that queue.

    Args:
        exporter: where the spans go.
        on_lost: called with the number of spans that were lost just now; None: they are only logged.
        waiting: how many spans may wait or be sent at a time.
    """

    def __init__(self, exporter: SpanExporter, on_lost: Callable[[int], None] | None = None, *, waiting: int = WAITING) -> None:
        self._on_lost, self._most = on_lost, waiting
        self._under_way = 0
        self._lock = threading.Lock()
        self._closed = False
        self._batches = BatchSpanProcessor(
            _Counting(exporter, self._ended),
            max_queue_size=waiting,
            max_export_batch_size=min(_BATCH, waiting),
            schedule_delay_millis=_EVERY_MS,
        )

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: only finished spans are delivered."""

    def on_end(self, span: ReadableSpan) -> None:
        """Pass the span on, or count it as lost. Never waits for the collector, never raises."""
        if span.context is None or not span.context.trace_flags.sampled or (safe := allowed(span)) is None:
            return
        with self._lock:
            fits = not self._closed and self._under_way < self._most
            self._under_way += fits
        if fits:
            self._batches.on_end(safe)
        else:
            self._lost(1)

    def close(self, timeout_s: float) -> None:
        """Deliver waiting spans, for at most this time; the remaining spans are lost, and counted. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        # The exporter itself may wait longer for a collector that does not answer.
        closing = threading.Thread(target=self._batches.shutdown, name="span delivery", daemon=True)
        closing.start()
        closing.join(timeout_s)
        with self._lock:
            left, self._under_way = self._under_way, 0
        if left:
            self._lost(left)

    def shutdown(self) -> None:
        """Deliver waiting spans; OpenTelemetry calls this when the provider is shut down."""
        self.close(_PATIENCE_S)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return whether delivery of every waiting span was tried in time."""
        return self._batches.force_flush(timeout_millis)

    def _ended(self, number: int, *, arrived: bool) -> None:
        with self._lock:
            counted = min(number, self._under_way)  # fewer if `close` has already counted some of these spans
            self._under_way -= counted
        if counted and not arrived:
            self._lost(counted)

    def _lost(self, number: int) -> None:
        if self._on_lost is None:
            logger.warning("%d spans were not delivered; look at the collector behind NETRA_MIGRATION_OTLP_ENDPOINT", number)
        else:
            self._on_lost(number)


class _Counting(SpanExporter):
    """Wraps an exporter, and reports for each batch whether it arrived."""

    def __init__(self, exporter: SpanExporter, ended: Callable[..., None]) -> None:
        self._exporter, self._ended = exporter, ended

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans. A failure is counted and logged, never raised."""
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever an exporter raises loses the batch
            # The type alone: the text may contain the address, which may contain a key.
            logger.warning("the span exporter failed with %s", type(error).__name__)
            result = SpanExportResult.FAILURE
        self._ended(len(spans), arrived=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Close the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return whether everything was delivered in time."""
        return self._exporter.force_flush(timeout_millis)
