"""Reads from a recorded reply of a model what its span shows: tokens, finish reasons, refusals. Texts are skipped, not decoded."""

from typing import Any, Final, NamedTuple

import msgspec

from migration.telemetry import spans
from migration.telemetry.traced import Value

_REFUSALS: Final = frozenset({"content_filter", "refusal"})


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Thought(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    """Usage, in the words of chat completions, of OpenAI's Responses and of Anthropic's Messages."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None
    input_tokens_details: _Cached | None = None
    completion_tokens_details: _Thought | None = None
    output_tokens_details: _Thought | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Message(msgspec.Struct):
    refusal: str | None = None
    stop_reason: str | None = None
    type: str | None = None


class _Rest(msgspec.Struct):
    choices: list[_Choice] = []


class _Reply(msgspec.Struct):
    """A reply as ports record it, or one piece of a streamed one."""

    usage: _Usage | None = None
    message: _Message | None = None
    rest: _Rest | None = None
    choices: list[_Choice] = []
    finish_reason: str | None = None
    delta: _Message | None = None
    response: Any = None


class _Stream(msgspec.Struct):
    stream: list[tuple[float, msgspec.Raw]]


_reply: Final = msgspec.json.Decoder(_Reply)
_stream: Final = msgspec.json.Decoder(_Stream)


class ModelFacts(NamedTuple):
    """What a reply says about the call."""

    attributes: dict[str, Value]
    refused: bool


def facts_of(reply: bytes | None) -> ModelFacts:
    """Return the facts of a reply; none if it is missing or has a form that is not known."""
    if reply is None:
        return ModelFacts({}, refused=False)
    try:
        if reply.startswith(b'{"stream":'):
            return _of_stream(_stream.decode(reply))
        return _of(_reply.decode(reply))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ModelFacts({}, refused=False)


def _of(reply: _Reply) -> ModelFacts:
    message = reply.message or reply.delta or _Message()
    choices = reply.choices or ([] if reply.rest is None else reply.rest.choices)
    reasons = tuple(one.finish_reason for one in choices if one.finish_reason)
    if not reasons and (reason := reply.finish_reason or message.stop_reason):
        reasons = (reason,)
    refused = bool(message.refusal) or not _REFUSALS.isdisjoint(reasons)
    anthropic = message.stop_reason is not None or (reply.usage is not None and reply.usage.cache_read_input_tokens is not None)
    attributes: dict[str, Value] = {spans.PROVIDER: "anthropic" if anthropic else "openai"}
    if reply.usage is not None:
        _tokens(reply.usage, attributes, anthropic=anthropic)
    if reasons:
        attributes[spans.FINISH_REASONS] = reasons
    if refused:
        attributes[spans.REFUSED] = True
    return ModelFacts(attributes, refused)


def _tokens(usage: _Usage, into: dict[str, Value], *, anthropic: bool) -> None:
    into[spans.INPUT_TOKENS] = usage.prompt_tokens or usage.input_tokens or 0
    into[spans.OUTPUT_TOKENS] = usage.completion_tokens or usage.output_tokens or 0
    asked = usage.prompt_tokens_details or usage.input_tokens_details or _Cached()
    thought = usage.completion_tokens_details or usage.output_tokens_details or _Thought()
    read, written = asked.cached_tokens or usage.cache_read_input_tokens, asked.cache_write_tokens or usage.cache_creation_input_tokens
    if anthropic:  # Anthropic does not count cached tokens as input tokens; the conventions count them in
        into[spans.INPUT_TOKENS] = (usage.input_tokens or 0) + (read or 0) + (written or 0)
    if read:
        into[spans.CACHE_READ_TOKENS] = read
    if written:
        into[spans.CACHE_WRITE_TOKENS] = written
    if thought.reasoning_tokens:
        into[spans.REASONING_TOKENS] = thought.reasoning_tokens


def _of_stream(reply: _Stream) -> ModelFacts:
    """Return the facts of all pieces: usage and reasons come in the last ones."""
    told: dict[str, Value] = {spans.STREAM: True}
    refused = False
    if reply.stream:
        told[spans.FIRST_CHUNK_S] = reply.stream[0][0]
    for _, piece in reply.stream:
        try:
            one = _of(_reply.decode(piece))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        told |= one.attributes
        refused = refused or one.refused
    return ModelFacts(told, refused)
