"""The candidate of `chat` with one fault planted at a time, and a long recorded conversation that shows each of them."""

import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from migration.comparison import Comparer
from migration.model import Engine, Event, Origin, RunRequest, Verdict
from migration.recordings import RecordedRun, read
from migration.reproduce import BothEngines, minimise, test_file
from netra_backend.app.execution import fresh_engine

LEDGERS = Path(__file__).parents[2] / "ledger"
ENGINES = f"{__name__}:build"
STARTED, THINKING, CALLING, CALLED, DONE = "agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"
Change = Callable[[list[Event]], list[Event]]


def called(number: int) -> list[dict[str, Any]]:
    name = ("usage_summary", "price_lookup")[number % 2]
    arguments = json.dumps({"id": f"c{number}", "why": "the user wants to know what it costs " * 4})
    call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
    rows = [{"model": f"model-{row}", "cost": row * 1.5, "note": "a row of a long table"} for row in range(8)]
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{number}", "content": json.dumps({"rows": rows})},
    ]


CONVERSATION = {
    "id": "planted",
    "messages": [
        {"role": "system", "content": "You answer questions on cost, briefly and in the words of the user. " * 5},
        *(
            {"role": ("user", "assistant")[turn % 2], "content": f"turn {turn}: what did we spend in month {turn}, and why?"}
            for turn in range(10)
        ),
        {"role": "user", "content": "What do we spend, and could we spend less? " * 5},
        *(message for number in range(4) for message in called(number)),
        {"role": "assistant", "content": "Less than before, because the small model does what the large one did. " * 3},
    ],
}


def place_of(events: list[Event], kind: str, nth: int = 0) -> int:
    return [place for place, event in enumerate(events) if event.kind == kind][nth]


def edited(event: Event, change: Callable[[dict[str, Any]], object], *, envelope: bool = False) -> Event:
    frame = msgspec.json.decode(event.payload)
    change(frame if envelope else frame["payload"])
    return msgspec.structs.replace(event, payload=msgspec.json.encode(frame))


def drop(kind: str, nth: int = 0) -> Change:
    return lambda events: [event for place, event in enumerate(events) if place != place_of(events, kind, nth)]


def repeat(kind: str, nth: int = 0) -> Change:
    def change(events: list[Event]) -> list[Event]:
        at = place_of(events, kind, nth)
        return [*events[: at + 1], events[at], *events[at + 1 :]]

    return change


def put(kind: str, path: str, value: Any, nth: int = 0, *, envelope: bool = False) -> Change:
    *above, last = path.split(".")

    def edit(target: dict[str, Any]) -> None:
        for key in above:
            target = target[key]
        target[last] = value(target.get(last)) if callable(value) else value

    def change(events: list[Event]) -> list[Event]:
        at = place_of(events, kind, nth)
        return [*events[:at], edited(events[at], edit, envelope=envelope), *events[at + 1 :]]

    return change


def swap(kind: str) -> Change:
    def change(events: list[Event]) -> list[Event]:
        first, second = place_of(events, kind), place_of(events, kind, 1)
        events[first], events[second] = events[second], events[first]
        return events

    return change


FAULTS: dict[str, Change] = {
    "drops a thought": drop(THINKING),
    "drops a later thought": drop(THINKING, 1),
    "never starts": drop(STARTED),
    "never ends": drop(DONE),
    "starts twice": repeat(STARTED),
    "ends twice": repeat(DONE),
    "opens a call twice": repeat(CALLING),
    "never opens a call": drop(CALLING, 1),
    "swaps two thoughts": swap(THINKING),
    "gives another answer": put(DONE, "result.final_answer", "Nothing at all."),
    "truncates the answer": put(DONE, "result.final_answer", lambda text: text[:9]),
    "answers null": put(DONE, "result.final_answer", None),
    "counts in floats": put(DONE, "result.step_count", lambda count: float(count or 0)),
    "fails": put(DONE, "status", "failed"),
    "gains a key": put(DONE, "elapsed", 3),
    "words a thought otherwise": put(THINKING, "reasoning", "Hm."),
    "numbers a thought as text": put(THINKING, "step_number", str),
    "changes a parameter": put(CALLING, "parameters.id", "c9"),
    "names another agent": put(THINKING, "agent_name", "triage", envelope=True),
    "stamps no time": put(THINKING, "timestamp", None, envelope=True),
}

#: The fault that `build` plants; "" for none.
planted = {"fault": ""}


class Changed:
    """An engine whose events are changed before anybody sees them."""

    def __init__(self, engine: Engine, change: Change) -> None:
        self._engine, self._change = engine, change

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        events = [event async for event in self._engine.run(request)]
        with contextlib.suppress(IndexError, KeyError):  # this run has nothing for the fault to spoil
            events = self._change(events)
        for event in events:
            yield event


def build(surface: str, origin: Origin, /) -> Engine:
    engine, change = fresh_engine(surface, origin), FAULTS.get(planted["fault"])
    return engine if origin is Origin.CONTROL or change is None else Changed(engine, change)


def recorded(folder: Path) -> RecordedRun:
    """Return the last turn of the conversation."""
    file = folder / "conversation.jsonl"
    file.write_text(json.dumps(CONVERSATION) + "\n")
    runs = [run for run in read(file, surface="chat", agent="assistant", tenant_id="acme", user_id="ann") if isinstance(run, RecordedRun)]
    return runs[-1]


@dataclass(frozen=True, kw_only=True)
class Written:
    """The test that was written for a fault, and how it went."""

    fault: str
    lines: int
    red: bool  #: it fails while the fault is there
    green: bool  #: and passes without


def write_test(fault: str, folder: Path) -> Written:
    """Plant the fault, minimise what shows it, and run the written test with the fault and without."""
    planted["fault"] = fault
    try:
        with closing(BothEngines(build, comparer=Comparer(LEDGERS))) as engines:
            fitted = engines.fitted(recorded(folder))
            assert fitted is not None
            shown = [one for one in engines.compare(fitted).comparison.divergences if one.verdict is Verdict.DIVERGENT]
            assert shown, f"the fault {fault!r} is not found"
            found = minimise(recorded(folder), shown[0].fingerprint, engines)
        assert found is not None
        source = test_file(found, ENGINES)
        space: dict[str, Any] = {}
        exec(compile(source, "test_written.py", "exec"), space)  # noqa: S102 - the file that was just written
        (test,) = (value for name, value in space.items() if name.startswith("test_"))
        red = not passes(test)
        planted["fault"] = ""
        return Written(fault=fault, lines=len(source.splitlines()), red=red, green=passes(test))
    finally:
        planted["fault"] = ""


def passes(test: Callable[[], None]) -> bool:
    try:
        test()
    except AssertionError:
        return False
    return True


def median_lines(written: list[Written]) -> float:
    return median(one.lines for one in written)
