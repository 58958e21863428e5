"""MLflow's traces: spans with `mlflow.spanInputs` and `mlflow.spanOutputs`, in OTLP or in MLflow's own document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from migration.recordings.attributes import Attributes
from migration.recordings.calls import call, decoded
from migration.recordings.conversation import Conversation, NotARunError, field

NAME: Final = "a span of MLflow"

_CHATS: Final = ("CHAT_MODEL", "LLM")


def claims(attributes: Attributes) -> bool:
    """Return whether a span is MLflow's."""
    return attributes.get("mlflow.spanType") is not None


def conversation(attributes: Attributes, _events: Sequence[Mapping[str, Any]], label: object) -> Conversation:
    """Return the conversation of a model call.

    Raises:
        NotARunError: the span is of another type, or has no output.
    """
    if decoded(attributes.get("mlflow.spanType")) not in _CHATS:
        raise NotARunError("a span that is not a call of a model")
    tools = decoded(attributes.get("mlflow.chat.tools"))
    asked, answered = decoded(attributes.get("mlflow.spanInputs")), decoded(attributes.get("mlflow.spanOutputs"))
    return call(asked, answered, label=label, tools=tools if isinstance(tools, list) else None)


def spans_of(value: object) -> Iterator[object]:
    """Yield the spans of a trace that MLflow wrote as one document; yield nothing if the value is not such a trace."""
    spans = field(value, "data", "spans") if isinstance(value, Mapping) and "info" in value else None
    if isinstance(spans, list):
        yield from spans
