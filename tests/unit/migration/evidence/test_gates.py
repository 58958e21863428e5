"""What gates read of a comparison: how both runs ended, what differs, what it was made with."""

import pytest

from migration.evidence import GateReader
from migration.model import Basis, Origin, Stage, Verdict

BASIS = Basis(policy="p1", ledger="l1", build="abc", tool="1.0")


@pytest.fixture
def reader(database):
    found = GateReader(f"sqlite:///{database}")
    yield found
    found.close()


def rows(reader):
    return list(reader.compared("chat", Stage.SHADOW, 0.0, 0, reader.end().compared))


def test_a_row_says_how_both_runs_ended_and_what_was_found(open_store, reader, make):
    breach = make.divergence(kind="isolation_breach", severity="security", fingerprint="bbbbbbbbbbbb")
    accepted = make.divergence(severity="cosmetic", verdict=Verdict.ACCEPTED, fingerprint="cccccccccccc")
    failed = make.run(Origin.CANDIDATE, outcome="failed")
    open_store().store(*make.item(make.divergence(), breach, accepted, shadow=failed, basis=BASIS))
    found = rows(reader)[0]
    assert (found.control_outcome, found.candidate_outcome) == ("completed", "failed")
    assert (found.severities, found.breach, found.verdict) == ("contract,security", True, "divergent")
    assert reader.basis(found.basis) == BASIS


def test_a_comparison_without_a_difference_has_neither_severity_nor_breach(open_store, reader, make):
    open_store().store(*make.item())
    found = rows(reader)[0]
    assert (found.severities, found.breach, found.basis) == (None, None, None)


def test_comparisons_with_another_ledger_have_another_basis(open_store, reader, make):
    store = open_store()
    for number, ledger in enumerate(("l1", "l2", "l1")):
        store.store(*make.item(run_id=f"r-{number}", basis=Basis(policy="p1", ledger=ledger, build="abc", tool="1.0")))
    one, other, again = (row.basis for row in rows(reader))
    assert one == again != other
    assert reader.basis(other).ledger == "l2"


def test_a_state_is_kept_only_by_whoever_continues_the_kept_one(reader):
    first = reader.keep("chat", "step", b"1", before=None)
    assert reader.keep("chat", "step", b"2", before=None) is None
    second = reader.keep("chat", "step", b"2", before=first)
    assert reader.keep("chat", "step", b"3", before=first) is None
    assert reader.kept("chat", "step") == (second, b"2")


def test_the_state_of_an_earlier_step_is_dropped(reader):
    reader.keep("chat", "one", b"1", before=None)
    reader.keep("chat", "two", b"2", before=None)
    assert reader.kept("chat", "one") is None
