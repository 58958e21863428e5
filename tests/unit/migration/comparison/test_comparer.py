"""A comparer reads ledgers again when they change, and goes on with the last good one."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from migration.comparison import Comparer
from migration.errors import LedgerError, UnknownSurfaceError
from migration.model import Basis, Origin, Stage, Verdict
from migration.settings import MigrationSettings

ENTRY = """
[[accepted]]
id = "quiet"
pattern = { kind = "missing_event", path = "agent_thinking" }
reason = "fewer thoughts"
owner = "chat"
expires = 2026-12-31
"""


def write(path: Path, text: str, seconds: int) -> None:
    path.write_text(text)
    os.utime(path, (seconds, seconds))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "chat.toml"


@pytest.fixture
def verdict(run: Any) -> Any:
    control, candidate = run(), run(1)
    candidate.drop("agent_thinking", "data")

    def judge(comparer: Comparer) -> Verdict:
        served, shadow = control.record(Origin.CONTROL), candidate.record(Origin.CANDIDATE)
        return comparer.compare(served, shadow, stage=Stage.SHADOW).verdict

    return judge


def comparer_of(folder: Path, failures: list[BaseException] | None = None) -> Comparer:
    noted = failures if failures is not None else []
    return Comparer(folder, today=lambda: date(2026, 7, 1), on_failure=lambda _operation, error: noted.append(error))


def test_a_changed_ledger_is_read_again(ledger: Path, verdict: Any) -> None:
    comparer = comparer_of(ledger.parent)
    before = verdict(comparer)
    write(ledger, ENTRY, 1)
    written = verdict(comparer)
    write(ledger, ENTRY.replace("2026-12-31", "2026-01-31"), 2)
    expired = verdict(comparer)
    ledger.unlink()

    assert (before, written, expired, verdict(comparer)) == (
        Verdict.DIVERGENT,
        Verdict.ACCEPTED,
        Verdict.DIVERGENT,
        Verdict.DIVERGENT,
    )


def test_the_last_good_ledger_holds_while_the_file_is_broken_and_each_break_is_told_once(ledger: Path, verdict: Any) -> None:
    failures: list[BaseException] = []
    comparer = comparer_of(ledger.parent, failures)
    write(ledger, ENTRY, 1)
    verdict(comparer)
    write(ledger, "[[accepted", 2)

    assert [verdict(comparer), verdict(comparer)] == [Verdict.ACCEPTED] * 2
    assert [type(error) for error in failures] == [LedgerError]


def test_a_ledger_that_was_never_valid_is_an_error(ledger: Path, verdict: Any) -> None:
    write(ledger, "[[accepted", 1)

    with pytest.raises(LedgerError):
        verdict(comparer_of(ledger.parent))


def test_a_comparer_from_settings_refuses_a_bad_ledger_at_once(ledger: Path) -> None:
    write(ledger, "[[accepted", 1)

    with pytest.raises(LedgerError):
        Comparer.from_settings(MigrationSettings(ledger_dir=ledger.parent), lambda _operation, _error: None)


def test_a_surface_without_a_policy_is_an_error_that_names_those_with_one(ledger: Path) -> None:
    with pytest.raises(UnknownSurfaceError, match="chat"):
        Comparer.from_settings(MigrationSettings(ledger_dir=ledger.parent, surfaces=("fax",)), lambda _operation, _error: None)


def test_who_served_decides_nothing_about_which_side_is_control(run: Any) -> None:
    control, candidate = run(), run(1)
    candidate.drop("agent_thinking", "data")

    comparison = Comparer().compare(candidate.record(Origin.CANDIDATE), control.record(Origin.CONTROL), stage=Stage.LIVE)

    assert [found.kind for found in comparison.divergences] == ["missing_event"]
    assert comparison.serving is Origin.CANDIDATE


def test_a_comparison_carries_what_it_was_made_with(ledger: Path, run: Any) -> None:
    comparer = Comparer(ledger.parent, build="abc", tool="1.0", today=lambda: date(2026, 7, 1))

    def basis() -> Basis:
        found = comparer.compare(run().record(Origin.CONTROL), run(1).record(Origin.CANDIDATE), stage=Stage.SHADOW).basis
        assert found is not None
        return found

    before = basis()
    write(ledger, ENTRY, 1)
    after = basis()

    assert (before.build, before.tool, before == basis()) == ("abc", "1.0", False)
    assert (before.policy, after == basis()) == (after.policy, True)
    assert before.ledger != after.ledger
