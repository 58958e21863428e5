"""Requests of both runs in rows: what is equal, changed, missing or extra, in order."""

import pytest

from migration.comparison.show.effect_rows import effect_rows
from migration.model import Effect, Origin, RunRecord, RunRequest

REQUEST = RunRequest(surface="shop", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b"{}", received_at=0.0)


def run(asked):
    """A run that asks for these, each `name=request`."""
    effects = [one.partition("=") for one in asked.split()]
    journal = tuple(
        Effect(kind="tool", name=name, lane="a", key="", request=said.encode(), reply=b"1", error=None, started_s=0.0, duration_s=0.0)
        for name, _, said in effects
    )
    return RunRecord(request=REQUEST, origin=Origin.CONTROL, events=(), journal=journal, outcome="completed", duration_s=1.0, trace_id=None)


def rows(control, candidate, limit=99):
    return [(mark, one and one.kind, other and other.kind) for mark, _, one, other in effect_rows(run(control), run(candidate), limit)]


@pytest.mark.parametrize(
    ("control", "candidate", "expected"),
    [
        ("s=1", "s=1", [("equal", "tool.s", "tool.s")]),
        ("s=1", "s=2", [("changed", "tool.s", "tool.s")]),
        ("s=1", "t=1", [("missing", "tool.s", None), ("extra", None, "tool.t")]),
        ("s=1", "", [("missing", "tool.s", None)]),
        ("", "s=1", [("extra", None, "tool.s")]),
        ("s=1 t=1", "t=1", [("missing", "tool.s", None), ("equal", "tool.t", "tool.t")]),
        ("s=1", "s=1 s=1", [("equal", "tool.s", "tool.s"), ("extra", None, "tool.s")]),
    ],
)
def test_requests_are_set_side_by_side_in_order(control, candidate, expected):
    assert rows(control, candidate) == expected


def test_when_there_is_not_room_for_all_equal_ones_are_left_out_first():
    assert rows("s=1 s=2 t=1", "s=1 s=2 u=1", limit=2) == [("missing", "tool.t", None), ("extra", None, "tool.u")]
