"""Delivers the spans that are finished, at the end of a process: neither a signal nor `os._exit` runs the SDK's own exit handler."""

import asyncio
import logging
import threading

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)

FLUSH_S = 5.0
"""Seconds that a collector may take for the last spans of a process."""


def flush_spans(at_most_s: float = FLUSH_S) -> bool:
    """Have the finished spans delivered, and return whether that was done in time. Without a tracer provider there are none.

    The SDK's own `force_flush` takes a time limit and does not keep it, so the wait is bounded here. It must be the last thing that a
    process does with spans.
    """
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        return True
    flushing = threading.Thread(target=provider.force_flush, name="flush-spans", daemon=True)
    flushing.start()
    flushing.join(at_most_s)
    if flushing.is_alive():
        logger.error("the last spans were not delivered within %g s; look at the collector", at_most_s)
    return not flushing.is_alive()


async def flush_spans_soon() -> None:
    """Do the same off the event loop."""
    await asyncio.to_thread(flush_spans)
