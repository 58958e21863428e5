"""Recorded conversations, written down as their owners do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration.recordings import BadLine, RecordedRun, Skipped, read

Line = dict[str, Any] | list[Any] | str | bytes


def call(name: str = "price_lookup", arguments: Any = '{"plan": "gold"}', call_id: str | None = "c1") -> dict[str, Any]:
    made = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return made if call_id is None else {"id": call_id, **made}


def chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    """A conversation: a text is said by the user and the assistant in turn, an object stands for itself."""
    roles = ("user", "assistant")
    said = [{"role": roles[number % 2], "content": one} if isinstance(one, str) else one for number, one in enumerate(messages)]
    return {"messages": said, **fields}


def text(line: Line) -> bytes:
    return line if isinstance(line, bytes) else line.encode() if isinstance(line, str) else json.dumps(line).encode()


@pytest.fixture
def items(tmp_path: Path) -> Callable[..., list[RecordedRun | Skipped | BadLine]]:
    """Returns what a file of these lines holds."""

    def written(*lines: Line, name: str = "file.jsonl") -> list[RecordedRun | Skipped | BadLine]:
        (tmp_path / name).write_bytes(b"".join(text(line) + b"\n" for line in lines))
        return list(read(tmp_path / name))

    return written


@pytest.fixture
def run(items: Callable[..., list[Any]]) -> Callable[..., RecordedRun]:
    """Returns the only run of a conversation of these messages."""

    def only(*messages: Any, **fields: Any) -> RecordedRun:
        [found] = items(chat(*messages, **fields))
        assert isinstance(found, RecordedRun), found
        return found

    return only
