"""Both streams side by side around their differences."""

from typing import Any

import pytest

from migration.comparison import Limits, aligned_events, aligned_rows
from migration.model import Origin


@pytest.fixture
def excerpt(run: Any, compared: Any) -> Any:
    def make(change: Any, events: bool = False, **options: Any) -> Any:
        control, candidate = run(), run(1)
        change(candidate)
        records = control.record(Origin.CONTROL), candidate.record(Origin.CANDIDATE)
        limits = options.pop("limits", Limits())
        show = aligned_events if events else aligned_rows
        return show(*records, compared(control, candidate, limits=limits), **options)

    return make


def _marks(rows: Any) -> list[str]:
    return [row.mark for row in rows]


def test_equal_streams_are_one_gap(excerpt: Any) -> None:
    assert [(row.mark, row.lane) for row in excerpt(lambda _run: None)] == [("gap", "... 18 more")]


def test_a_missing_event_stands_between_its_neighbours(excerpt: Any) -> None:
    rows = excerpt(lambda run: run.drop("agent_thinking", "data"), context=1)

    assert _marks(rows) == ["gap", "equal", "missing", "equal", "gap"]
    assert (rows[2].lane, rows[2].candidate) == ("data", None)


def test_an_extra_event_stands_where_it_came_in_its_lane(excerpt: Any) -> None:
    def add(run: Any) -> None:
        at = run.find("agent_completed", "data")
        frame = run.frames[at - 1]
        extra = type(frame)("agent_thinking", "data", {"reasoning": "once more", "step_number": 3, "progress_percentage": 45})
        run.frames.insert(at, extra)

    rows = excerpt(add, context=1)

    assert _marks(rows) == ["gap", "equal", "extra", "equal", "gap"]
    assert rows[1].control.startswith("agent_thinking")
    assert rows[3].control.startswith("agent_completed")


def test_a_changed_event_shows_paths_and_shapes_but_no_values(excerpt: Any) -> None:
    def change(run: Any) -> None:
        run.frame("agent_completed", "data").payload["result"]["final_answer"] = "my secret"

    (row,) = [row for row in excerpt(change) if row.mark == "changed"]

    assert row.candidate == "agent_completed: payload.result.final_answer = text"


def test_no_cell_holds_a_value_unless_it_is_asked_for(excerpt: Any) -> None:
    def change(run: Any) -> None:
        run.frame("agent_completed", "data").payload["result"]["final_answer"] = "my secret"
        run.effects.pop(2)

    hidden = " ".join(f"{row.control} {row.candidate}" for row in excerpt(change, context=20))
    shown = " ".join(f"{row.control} {row.candidate}" for row in excerpt(change, context=20, show_values=True))

    assert "my secret" not in hidden
    assert "days" not in hidden
    assert "my secret" in shown


def test_effects_and_endings_have_rows_of_their_own(excerpt: Any) -> None:
    def change(run: Any) -> None:
        run.effects.pop(2)
        run.outcome = "timed_out"

    rows = excerpt(change)

    assert [(row.mark, row.control) for row in rows[:2]] == [("end", "run.outcome = text"), ("effect", "tool.usage_summary = object")]


def test_rows_past_the_limit_are_counted(excerpt: Any) -> None:
    def change(run: Any) -> None:
        for frame in run.frames:
            frame.payload["new"] = 1

    rows = excerpt(change, limit=5)

    assert len(rows) == 5
    assert rows[-1].lane == "... 14 more"


def test_a_comparison_that_hit_a_limit_has_no_rows(excerpt: Any) -> None:
    assert excerpt(lambda _run: None, limits=Limits(events=1)) == []


def test_an_undecodable_event_is_told(excerpt: Any) -> None:
    def change(run: Any) -> None:
        run.frame("agent_thinking", "data").raw = b"{"

    (row,) = [row for row in excerpt(change) if row.mark == "changed"]

    assert row.candidate.startswith("agent_thinking")


def test_events_themselves_come_in_the_same_rows(excerpt: Any) -> None:
    rows = excerpt(lambda run: run.drop("agent_thinking", "data"), events=True, context=1)

    assert _marks(rows) == ["gap", "equal", "missing", "equal", "gap"]
    assert (rows[2].control.kind, rows[2].candidate) == ("agent_thinking", None)
    assert (rows[0].control, rows[0].candidate) == (None, None)


def test_every_event_of_both_streams_is_shown_once(excerpt: Any) -> None:
    def change(run: Any) -> None:
        run.drop("agent_thinking", "data")
        run.frames = [frame for frame in run.frames if frame.lane != "data/price_lookup#1"]
        run.move("agent_started", "reporting", to=run.find("agent_completed", "reporting"))

    rows = excerpt(change, events=True, context=50, limit=1000)

    assert sum(row.control is not None for row in rows) == 18
    assert sum(row.candidate is not None for row in rows) == 15
