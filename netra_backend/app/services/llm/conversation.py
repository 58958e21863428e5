"""Reads a request into facts, on which the scripted answer is based."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from netra_backend.app.services.llm.chat_model import Message, ModelRequest

_AGENT = re.compile(r"You are the (\w+) agent of Netra\.")
_TODAY = re.compile(r"^Today is (\d{4}-\d{2}-\d{2})\.", re.MULTILINE)
_FINDINGS = re.compile(r"^What the (\w+) agent found:\n(.*?)(?=\n\nWhat the \w+ agent found:\n|\Z)", re.MULTILINE | re.DOTALL)
_MODEL = re.compile(r"\b(?:gpt|claude|gemini|llama|mistral|deepseek|qwen|command|o\d)-?(?:[a-z0-9]+(?:[.-][a-z0-9]+)*)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The facts of a request."""

    agent: str  #: the agent that asks; "assistant" when the first line of the prompt names none
    question: str  #: the last message of the user; "" when there is none
    findings: Mapping[str, str] = field(default_factory=dict)  #: agent -> its answer, of the agents that ran before
    today: date | None = None  #: None when the prompt contains no date
    offered: frozenset[str] = frozenset()  #: offered tools
    called: frozenset[str] = frozenset()  #: tools called since the question, with or without success
    results: tuple[tuple[str, dict[str, Any]], ...] = ()  #: tool and answer since the question, in order
    problems: tuple[str, ...] = ()  #: the error messages of tools that failed

    def of(self, tool: str) -> dict[str, Any]:
        """Return the tool's last answer; empty when there is none."""
        return next((result for name, result in reversed(self.results) if name == tool), {})


def read(request: ModelRequest) -> Conversation:
    """Return the facts of a request."""
    system = next((message.content or "" for message in request.messages if message.role == "system"), "")
    agent = _AGENT.match(system)
    today = _TODAY.search(system)
    asked = max((number for number, message in enumerate(request.messages) if message.role == "user"), default=-1)
    since = request.messages[asked + 1 :]
    answers = list(_answers(since))
    return Conversation(
        agent=agent[1] if agent else "assistant",
        question=(request.messages[asked].content or "") if asked >= 0 else "",
        findings={name: text.removesuffix(today[0] if today else "").strip() for name, text in _FINDINGS.findall(system)},
        today=date.fromisoformat(today[1]) if today else None,
        offered=frozenset(tool.function.name for tool in request.tools),
        called=frozenset(call.function.name for message in since for call in message.tool_calls),
        results=tuple((name, answer) for name, answer in answers if "error" not in answer),
        problems=tuple(f"{name} could not answer: {answer['error']}" for name, answer in answers if "error" in answer),
    )


def _answers(messages: Iterable[Message]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield tools with their answers. An answer that is not a JSON object becomes an object with a single key."""
    names: dict[str, str] = {}
    for message in messages:
        names |= {call.id: call.function.name for call in message.tool_calls}
        if message.role == "tool":
            try:
                answer = json.loads(message.content or "")
            except json.JSONDecodeError:
                answer = message.content
            yield names.get(message.tool_call_id or "", message.name or "tool"), answer if isinstance(answer, dict) else {"answer": answer}


def models_in(text: str, known: Iterable[str] = ()) -> list[str]:
    """Return the models that a text names, in order, each once.

    Args:
        text: any text.
        known: the names to look for; empty: anything that looks like the name of a model.
    """
    names = sorted(known, key=len, reverse=True)  # longer names first: gpt-4o-mini before gpt-4o
    pattern = re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-]|\.\w)", re.IGNORECASE) if names else _MODEL
    return list(dict.fromkeys(name.lower() for name in pattern.findall(text)))
