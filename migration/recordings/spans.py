"""Spans of traces in any form: OTLP as JSON, OpenTelemetry's console exporter, Phoenix, Logfire, MLflow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from migration.errors import RecordingError
from migration.recordings import genai, langfuse_spans, mlflow, openinference
from migration.recordings.attributes import Attributes
from migration.recordings.conversation import Conversation, NotARunError, field

NAME: Final = "a span of a trace"


class _Kind(Protocol):
    """A module that reads the spans of one instrumentation."""

    @property
    def claims(self) -> Callable[[Attributes], bool]: ...

    @property
    def conversation(self) -> Callable[[Attributes, Sequence[Mapping[str, Any]], object], Conversation]: ...


#: Instrumentations of model calls. The most complete comes first, since one span may follow several conventions.
_KINDS: Final[tuple[_Kind, ...]] = (mlflow, langfuse_spans, openinference, genai)
_OWN: Final = "migration."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    name: str
    label: object
    attributes: Attributes
    events: tuple[Mapping[str, Any], ...]


def claims(record: Mapping[str, Any]) -> bool:
    """Return whether the record is a span, or was meant to be."""
    if "attributes" not in record:
        return False
    return any(name in record for name in ("context", "span_id", "spanId", "span_context", "trace_id", "traceId", "span_name"))


def conversation(record: Mapping[str, Any]) -> Conversation:
    """Return the conversation of a span that is a model call.

    Raises:
        NotARunError: the span is not a model call, or its texts were not recorded.
        RecordingError: some attributes of the span were dropped when it was recorded.
    """
    span = _span(record)
    for kind in _KINDS:
        if kind.claims(span.attributes):
            try:
                return kind.conversation(span.attributes, span.events, span.label)
            except NotARunError as reason:
                if (dropped := record.get("droppedAttributesCount") or record.get("dropped_attributes_count")) and isinstance(dropped, int):
                    lost = _dropped(dropped)
                    raise lost from reason
                raise
    if span.name.startswith(_OWN):
        raise NotARunError("a span of netra-migration itself, which contains no texts of the run; use `evidence export` to get runs")
    raise NotARunError("a span that is not a call of a model")


def spans_of(value: object) -> Iterator[object]:
    """Yield the spans of an OTLP document, resource by resource; yield nothing if the value is not an OTLP document.

    Resource and scope are not needed to read a span.
    """
    for resource in _list(value, "resourceSpans", "resource_spans"):
        for scope in _list(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            yield from _list(scope, "spans")


def _list(value: object, *names: str) -> list[Any]:
    found = next((value[name] for name in names if name in value), None) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def _span(record: Mapping[str, Any]) -> _Span:
    events = record.get("events")
    name = record.get("name", record.get("span_name"))
    ids = (record.get("span_id"), record.get("spanId"), field(record, "context", "span_id"), record.get("id"))
    attributes = Attributes(record["attributes"])
    if (kind := record.get("span_kind")) in {"LLM", "CHAIN", "TOOL", "AGENT", "RETRIEVER", "EMBEDDING"}:
        # Phoenix stores this attribute in a separate field.
        attributes = Attributes({**attributes.flat, "openinference.span.kind": kind})
    return _Span(
        name=name if isinstance(name, str) else "",
        label=next((one for one in ids if isinstance(one, str)), None),
        attributes=attributes,
        events=tuple(one for one in events if isinstance(one, Mapping)) if isinstance(events, list) else (),
    )


def _dropped(count: int) -> RecordingError:
    return RecordingError(
        f"the tracer dropped {count} attributes of this span, so its messages are incomplete; raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT "
        "where it is recorded"
    )
