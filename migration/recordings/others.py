"""Names of formats that cannot be read: they do not contain a conversation with its answers, or there is no reader for them."""

from collections.abc import Mapping
from typing import Final

#: Keys of an object -> the format of an object that has all of them.
_KNOWN: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (frozenset({"custom_id", "body"}), "a request of OpenAI's Batch API, which contains no answer; join it with its answer"),
    (frozenset({"custom_id", "response"}), "an answer of OpenAI's Batch API, without its request; join it with its request"),
    (frozenset({"custom_id", "params"}), "a request of Anthropic's Message Batches, which contains no answer; join it with its answer"),
    (
        frozenset({"custom_id", "result"}),
        "an answer of Anthropic's Message Batches, without its request; join it with its request",
    ),
    (
        frozenset({"preferred_output", "non_preferred_output"}),
        "a preference pair of OpenAI's fine-tuning: two answers that do not come from one run",
    ),
    (frozenset({"chosen", "rejected"}), "a preference pair: two answers that do not come from one run"),
    (
        frozenset({"conversations"}),
        "a conversation in the ShareGPT format, which is not read; convert it to the OpenAI chat format first",
    ),
    (frozenset({"instruction", "output"}), "a pair in the Alpaca format, which is not a chat"),
    (frozenset({"prompt", "completion"}), "a pair of prompt and completion, which is not a chat"),
    (frozenset({"contents"}), "a conversation in Gemini's format, which is not read"),
    (frozenset({"modelInput"}), "a request of Bedrock, which is not read"),
    (frozenset({"schemaType", "modelId"}), "a log of Bedrock's invocations, which is not read"),
    (frozenset({"mapping", "current_node"}), "an export of ChatGPT's own conversations, which is not read"),
    (frozenset({"chat_messages"}), "an export of Claude's own conversations, which is not read"),
    (frozenset({"log", "entries"}), "a HAR file, which is not read"),
    (frozenset({"choices"}), "an answer of a chat completion, which does not contain the request"),
    (frozenset({"role", "content"}), "one message; a conversation is a list of them, or an object with `messages`"),
)


def named(value: object) -> str:
    """Return the kind of a JSON value that no reader accepts."""
    if not isinstance(value, Mapping):
        return "not a JSON object"
    for keys, what in _KNOWN:
        if keys <= value.keys():
            return what
    if "messages" in value:
        return "not a conversation: its `messages` are not a list"
    return "neither a recording nor a conversation in the OpenAI chat format or another one that docs/migration/recordings.md names"
