"""Conversations -> runs of one agent: one run for each user turn, with the recorded replies and tool results as its journal."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec

from migration.effects.journals import with_keys
from migration.errors import MessageError
from migration.model import Effect, EffectKind, RunRequest
from migration.recordings.conversation import Conversation
from migration.recordings.messages import Said, normalised, parsed
from migration.recordings.run import RecordedRun, Skipped
from migration.recordings.tools import offered

_ID_BYTES: Final = 10
_encode: Final = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBy:
    """The tenant, user and agent for conversations."""

    surface: str
    agent: str
    tenant_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPlace:
    """The place of a conversation."""

    file: str
    line: int
    part: str = ""  #: distinguishes it from other conversations on the same line; "": it is the only one
    digest: str = ""  #: digest of the document's text

    def thread_id(self) -> str:
        """Return an id that any backend accepts. The id in the file is not used, because it may be a placeholder, a path, or a duplicate.

        The same conversation at the same place always gets the same id.
        """
        return f"conversation-{blake2b(repr(self).encode(errors='surrogatepass'), digest_size=_ID_BYTES).hexdigest()}"


def runs_of(conversation: Conversation, place: ConversationPlace, asked: AskedBy) -> Iterator[RecordedRun | Skipped]:
    """Yield one run for each user turn that is answered, and a `Skipped` for each other user turn.

    A bad message makes the whole conversation unusable; the error is raised before anything is yielded.

    Args:
        conversation: the conversation, with its messages as found in the file.
        place: where the conversation is.
        asked: tenant and user who ask, and surface and agent that answer.

    Raises:
        MessageError: a message cannot be read.
    """
    said = normalised(conversation.messages)
    _check_arguments(said)
    tools, ignored = offered(conversation.tools, (call.function.name for one in said for call in one.message.tool_calls))
    label = conversation.name or f"{place.file}:{place.line}{f'[{place.part}]' if place.part else ''}"
    thread = place.thread_id()
    starts = [index for index, one in enumerate(said) if one.message.role == "user"]
    if not starts:
        yield Skipped(line=place.line, file=place.file, reason="the conversation has no user turn")
        return
    turns = list(enumerate(zip(starts, [*starts[1:], len(said)], strict=True), start=1))
    for number, (start, end) in turns[-1:] if conversation.last_turn_only else turns:
        turn = _Turn(said, number, start, end)
        if conversation.last_turn_only and said[-1].message.tool_calls:
            yield Skipped(line=place.line, file=place.file, reason="a model call that asks for tools; a separate call has the answer")
            continue
        if (why_not := turn.why_not()) is not None:
            yield Skipped(line=place.line, file=place.file, reason=why_not)
            continue
        yield RecordedRun(
            request=RunRequest(
                surface=asked.surface,
                tenant_id=asked.tenant_id,
                user_id=asked.user_id,
                thread_id=thread,
                run_id=f"{thread}-turn-{number}",
                payload=turn.payload(asked.agent, tools),
                received_at=0.0,
            ),
            journal=with_keys(turn.journal(asked.agent)),
            line=place.line,
            label=f"{label} turn {number}",
            outcome="completed",
            answer=turn.answer,
            ignored=(*conversation.ignored, *ignored),
        )


def _check_arguments(said: Sequence[Said]) -> None:
    for index, one in enumerate(said):
        for number, call in enumerate(one.message.tool_calls):
            try:
                parsed(call.function.arguments)
            except ValueError as error:
                raise MessageError(index, f"has a tool call [{number}] with arguments that cannot be passed on: {error}") from None


class _Turn:
    """A user's message and the messages after it, up to the next message of the user."""

    def __init__(self, said: Sequence[Said], number: int, start: int, end: int) -> None:
        self._said, self._number, self._start, self._end = said, number, start, end
        self._rest = [one.message for one in said[start + 1 : end]]
        answers = (one.content or "" for one in self._rest if one.role == "assistant" and not one.tool_calls)
        self.answer = next((text for text in answers if text.strip()), None)  #: None: there was no answer

    def why_not(self) -> str | None:
        """Return why this turn is not a run; None if it is one."""
        for index in range(self._start, self._end):
            if (odd := self._said[index].odd) is not None:
                return f"turn {self._number} has {odd} (messages[{index}]); the backend takes text"
        if self.answer is None:
            if any(one.role == "assistant" and not one.tool_calls for one in self._rest):
                return f"turn {self._number} has no answer: the assistant's last message is empty"
            return f"turn {self._number} is not answered"
        for index in range(self._start):
            if (odd := self._said[index].odd) is not None:
                return f"turn {self._number} comes after {odd} (messages[{index}]); the backend takes text"
        if (open_at := self._unanswered_call()) is not None:
            return f"turn {self._number} is not complete: a tool call of messages[{open_at}] has no result"
        return None

    def payload(self, agent: str, tools: Sequence[dict[str, Any]]) -> bytes:
        """Return the payload of the request, in the backend's own shape."""
        history = [one.message for one in self._said[: self._start]]
        return _encode({"message": self._rest_of_user(), "agent": agent, "history": history, "tools": tools})

    def journal(self, agent: str) -> Iterator[Effect]:
        """Yield the effects in the order in which an engine asks for them: each model reply, then the tools that it calls."""
        results = self._results()
        for message in self._rest:
            if message.role != "assistant":
                continue
            yield _effect("model", "recorded", agent, request=None, reply=_encode({"message": message, "usage": None}))
            for call in message.tool_calls:
                result = results[call.id].popleft() if results.get(call.id) else ""
                # The backend itself answers a call with malformed arguments: no tool is called.
                if (arguments := parsed(call.function.arguments)) is not None:
                    request = _encode({"name": call.function.name, "arguments": arguments})
                    yield _effect("tool", call.function.name, agent, request=request, reply=_encode(result))

    def _rest_of_user(self) -> str:
        return self._said[self._start].message.content or ""

    def _results(self) -> dict[str, deque[str]]:
        """Return the tools' results by the id of their call. Calls with the same id get their results in order."""
        results: dict[str, deque[str]] = {}
        for message in self._rest:
            if message.role == "tool":
                results.setdefault(message.tool_call_id or "", deque()).append(message.content or "")
        return results

    def _unanswered_call(self) -> int | None:
        """Return the index of the first message with a call that needs a result and has none; None: every call has its result."""
        results = {call_id: len(found) for call_id, found in self._results().items()}
        for index, message in enumerate(self._rest, start=self._start + 1):
            for call in message.tool_calls:
                results[call.id] = results.get(call.id, 0) - 1
                if results[call.id] < 0 and parsed(call.function.arguments) is not None:
                    return index
        return None


def _effect(kind: EffectKind, name: str, lane: str, *, request: bytes | None, reply: bytes) -> Effect:
    return Effect(kind=kind, name=name, lane=lane, key="", request=request, reply=reply, error=None, started_s=0.0, duration_s=0.0)
