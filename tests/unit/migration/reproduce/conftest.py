"""A small engine that asks a model and tools, with a bug planted in its candidate; and a long recording that shows it."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migration.import_strings import load
from migration.model import Effect, RunRequest
from migration.recordings import RecordedRun
from migration.reproduce import BothEngines

ROOT = Path(__file__).parents[4]
BUG = 'self.origin is Origin.CANDIDATE and any("refund" in message["content"] for message in messages) and "lookup" in tools'
ENGINE = """
import json

from migration.effects import perform
from migration.model import Event, Origin


class Shop:
    def __init__(self, origin):
        self.origin = origin

    async def run(self, request, /):
        payload = json.loads(request.payload)
        messages = [*payload["history"], {"role": "user", "content": payload["message"]}]
        tools = payload["tools"]
        yield event(request, "agent_started", status="started", message="", context={})
        for step in range(1, 99):
            reply = await self.ask("model", "m", {"messages": messages, "tools": tools})
            if not (BUG):
                yield event(request, "agent_thinking", reasoning="", step_number=step, progress_percentage=step)
            calls = reply["message"].get("tool_calls", [])
            for call in calls:
                answer = await self.ask("tool", call["name"], {"name": call["name"], "arguments": call["arguments"]})
                messages.append({"role": "tool", "content": json.dumps(answer)})
            if not calls:
                break
        result = {"agent_name": "data", "success": True, "final_answer": reply["message"]["content"], "error": None}
        yield event(request, "agent_completed", status="completed", result=result)

    async def ask(self, kind, name, request):
        return json.loads(await perform(kind, name, lane="data", request=json.dumps(request).encode(), call=self.outside))

    async def outside(self):
        raise RuntimeError("a replay went out")


def event(request, kind, **payload):
    ids = {name: getattr(request, name) for name in ("tenant_id", "user_id", "thread_id", "run_id")}
    envelope = {"type": kind, **ids, "agent_name": "data", "sequence": 1, "timestamp": 0.0, "payload": payload}
    return Event(kind=kind, lane="data", payload=json.dumps(envelope).encode(), at_s=0.0)


def build(surface, origin, /):
    return Shop(origin)
"""
_numbers = itertools.count()


@dataclass(frozen=True)
class Planted:
    """A module with the engine, importable here and by subprocesses that have its folder on their path."""

    folder: Path
    name: str
    bug: str = BUG  #: Python: true where the candidate loses an event

    @property
    def engines(self) -> str:
        return f"{self.name}:build"

    def plant(self, bug: str) -> None:
        (self.folder / f"{self.name}.py").write_text(ENGINE.replace("BUG", bug))
        sys.modules.pop(self.name, None)


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The small engine speaks on a surface that this repository configures; what is accepted there is not accepted here."""
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(ROOT))
    monkeypatch.setenv("NETRA_MIGRATION_LEDGER_DIR", str(tmp_path / "ledger"))


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    """The engine with its bug."""
    module = Planted(tmp_path, f"planted_{next(_numbers)}")
    module.plant(module.bug)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield module
    sys.modules.pop(module.name, None)


@pytest.fixture
def both(planted: Planted) -> Iterator[BothEngines]:
    engines = BothEngines(load(planted.engines))
    yield engines
    engines.close()


def effect(kind: str, name: str, reply: Any, **changes: Any) -> Effect:
    plain = {"key": "", "request": None, "error": None, "started_s": 0.1, "duration_s": 0.5}
    return Effect(kind=kind, name=name, lane="data", reply=json.dumps(reply).encode(), **(plain | changes))  # type: ignore[arg-type]


@pytest.fixture
def make_run() -> Callable[..., RecordedRun]:
    """Makes a recording of 20 messages, 5 tools and 7 effects, in one message of which somebody wants a refund."""

    def make(said: str = "well, I want a refund of what I paid in May", run_id: str = "r-81724") -> RecordedRun:
        history = [{"role": ("user", "assistant")[n % 2], "content": f"message {n} about nothing in particular"} for n in range(20)]
        history[12]["content"] = said
        payload = {"message": "and now?", "history": history, "tools": ["search", "lookup", "calculate", "save", "mail"]}
        called = [{"name": name, "arguments": {"of": "acme-shop"}} for name in ("search", "calculate")]
        journal = [
            effect("model", "m", {"message": {"content": "", "tool_calls": called}}),
            effect("tool", "search", {"found": ["one", "two"], "of": "acme-shop"}),
            effect("tool", "calculate", 12),
            effect("model", "m", {"message": {"content": "", "tool_calls": called[:1]}}),
            effect("tool", "search", []),
            effect("model", "m", {"message": {"content": "Dear acme-shop, here you are."}}),
            effect("tool", "mail", "never asked for"),
        ]
        request = RunRequest(
            surface="chat",
            tenant_id="acme-shop",
            user_id="ann-k",
            thread_id="th-77",
            run_id=run_id,
            payload=json.dumps(payload).encode(),
            received_at=1_700_000_000.0,
        )
        return RecordedRun(request=request, journal=tuple(journal))

    return make
