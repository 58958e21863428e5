"""Ids may be named anew, as long as what refers to them still does."""

from collections.abc import Sequence
from typing import Any

import pytest

from migration.model import Verdict


@pytest.fixture
def called(run: Any, compared: Any) -> Any:
    """Compare two runs whose three tool calls bear these ids, in start and end."""

    def compare_called(control_ids: Sequence[str], candidate_ids: Sequence[str]) -> Any:
        runs = run(), run(1)
        for one, ids in zip(runs, (control_ids, candidate_ids), strict=True):
            tools = [frame for frame in one.frames if frame.kind.startswith("tool_")]
            for frame, call_id in zip(tools, ids, strict=True):
                frame.payload["call_id"] = call_id
        return compared(*runs)

    return compare_called


@pytest.mark.parametrize("candidate", ["aabbcc", "xxyyzz", "bbccaa"])
def test_other_names_for_the_same_ids_match(candidate: str, called: Any) -> None:
    assert called("aabbcc", candidate).verdict is Verdict.MATCH


@pytest.mark.parametrize("candidate", ["xyxyzz", "xxyyzx", "xxxxzz", "xxyyww"[:5] + "x"])
def test_a_reference_to_something_else_is_found(candidate: str, called: Any) -> None:
    comparison = called("aabbcc", candidate)

    assert comparison.verdict is Verdict.DIVERGENT
    assert {(found.kind, found.path.rpartition(".")[2]) for found in comparison.divergences} == {("payload", "call_id")}
    assert "it refers to another object" in str(comparison.divergences[0].sentence)


def test_equal_bytes_do_not_hide_that_an_id_stands_for_another_one(called: Any) -> None:
    # The last frame is the same byte for byte, but control's "a" was candidate's "x" before.
    assert called("aabbca", "xxyyza").verdict is Verdict.DIVERGENT


def test_an_id_that_becomes_a_number_is_a_changed_type(called: Any) -> None:
    found = called("aabbcc", [*"aabbc", 7]).divergences

    assert "its type changed" in str(found[0].sentence)
