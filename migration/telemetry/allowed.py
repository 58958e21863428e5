"""The parts of a span that may leave the process: the names and attributes of `spans`, and no text that a person wrote.

As soon as a tracer provider is set, libraries trace too: FastAPI sends paths and queries that contain tokens. Everything that is not on the
list is left out, so new spans or attributes of a library are not exported.
"""

from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, Status
from opentelemetry.util.types import AttributeValue

from migration.telemetry import spans

NAMES: Final = frozenset({spans.RUN, spans.SHADOW, spans.COMPARE})
"""Spans that may leave the process."""

ATTRIBUTES: Final = frozenset(value for name, value in vars(spans).items() if name.isupper()) - NAMES
"""Attributes that these spans may have."""

#: The process: its name and place, which its operator sets; never its command line.
_RESOURCE: Final = ("service.", "telemetry.sdk.", "deployment.", "k8s.", "cloud.", "container.id", "host.name", "host.id")
_MAX_CHARS: Final = 256


def allowed(span: ReadableSpan) -> ReadableSpan | None:
    """Return the allowed part of a span; None: the span may not leave.

    Events and the status's description are left out: OpenTelemetry writes exception messages there. So is the trace state, because a client
    writes it.
    """
    if span.name not in NAMES or span.context is None:
        return None
    return ReadableSpan(
        span.name,
        context=_bare(span.context),
        parent=None if span.parent is None else _bare(span.parent),
        resource=Resource({key: value for key, value in span.resource.attributes.items() if key.startswith(_RESOURCE)}),
        attributes=attributes(span),
        links=[Link(_bare(link.context)) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def attributes(span: ReadableSpan) -> dict[str, str | bool | int | float]:
    """Return the attributes that may leave the process."""
    return {key: _value(value) for key, value in (span.attributes or {}).items() if key in ATTRIBUTES}


def _value(value: AttributeValue) -> str | bool | int | float:
    if isinstance(value, bool | int | float):
        return value
    # If the protocol cannot encode one value, the whole batch would be lost.
    return str(value).encode("utf-8", "replace").decode()[:_MAX_CHARS]


def _bare(context: SpanContext) -> SpanContext:
    return SpanContext(context.trace_id, context.span_id, is_remote=context.is_remote, trace_flags=context.trace_flags)
