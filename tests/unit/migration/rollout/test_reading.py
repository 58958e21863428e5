"""A step's standing is read from the evidence: each comparison once, of one basis, and what was not seen is not forgotten."""

from datetime import date

import pytest

from migration.errors import EvidenceError
from migration.evidence.erasing import erase_evidence
from migration.evidence.redaction import Redactor
from migration.evidence.writing import remove_before
from migration.model import NOT_SAMPLED, Stage
from migration.rollout.ramp_file import read_ramp
from migration.rollout.reading import StandingReader
from migration.statistics import THESE

STEP = next(step for step in read_ramp().steps if step.name == "live 10 %")
SINCE, NOW = 1000.0, 1000.0 + 86_400.0


@pytest.fixture
def reader(migration_settings):
    made = []

    def reader(*, keep=True, step=STEP, clock=lambda: NOW):
        made.append(StandingReader(migration_settings, "chat", step, SINCE, keep=keep, clock=clock))
        return made[-1]

    yield reader
    for one in made:
        one.close()


def upper(standing):
    return standing.outcomes.bounds(THESE, 0.05).upper


def test_comparisons_of_the_step_count_and_no_others(reader, evidence):
    evidence.compared(30, divergent=2)
    evidence.compared(5, stage=Stage.SHADOW.value)
    evidence.compared(5, surface="batch")
    evidence.compared(5, received_at=SINCE - 1)
    found = reader().read()
    assert (found.outcomes.compared, found.outcomes.divergent, found.outcomes.tenants_seen, found.runs_a_day) == (30, 2, 10, 30.0)


def test_each_comparison_counts_once_however_often_it_is_read(reader, evidence):
    one = reader()
    for _ in range(3):
        evidence.compared(10)
        one.read()
    assert one.read().outcomes.compared == 30


def test_another_process_goes_on_from_what_was_kept(reader, evidence):
    evidence.compared(50, divergent=3)
    evidence.unseen(2)
    first = reader().read()
    with evidence.database.transaction("write") as connection:  # a second reading of these would show
        connection.exec_driver_sql("UPDATE comparisons SET verdict = 'divergent'")
    evidence.compared(7)
    second = reader().read()
    assert (second.outcomes.compared, second.outcomes.divergent, second.outcomes.unseen) == (57, 3, 2)
    assert second.by_stratum.keys() == first.by_stratum.keys() == {"tool_completed of search, completed"}
    assert (second.failed_more.trials, second.latency.pairs, second.by_severity["security"].compared) == (57, 57, 57)


def test_two_readers_do_not_disturb_each_other(reader, evidence):
    one, other = reader(), reader()
    for number in range(1, 4):
        evidence.compared(3000)
        assert one.read().outcomes.compared == other.read().outcomes.compared == 3000 * number


def test_what_was_not_seen_raises_the_upper_bound_alone(reader, evidence):
    evidence.compared(1000)
    one = reader()
    clean = one.read().outcomes.bounds(THESE, 0.05)
    evidence.unseen(60)
    evidence.compared(20, verdict="inconclusive")
    found = one.read()
    bounds = found.outcomes.bounds(THESE, 0.05)
    assert found.outcomes.unseen == 80
    assert bounds.upper > clean.upper + 0.05
    assert bounds.lower == clean.lower == 0.0
    assert found.by_stratum["tool_completed of search, completed"].unseen == 80


def test_another_build_begins_anew_and_says_what_is_left_out(reader, evidence):
    evidence.compared(40, divergent=40)
    evidence.compared(10, build="two")
    evidence.compared(3, divergent=3, build="one")  # late
    found = reader().read()
    assert (found.outcomes.compared, found.outcomes.divergent, found.other_basis) == (10, 0, 43)


def test_a_breach_counts_whatever_the_build_is(reader, evidence):
    evidence.compared(1, breach=True)
    evidence.compared(10, build="two")
    found = reader().read()
    assert (found.breaches, found.breached) == (1, {"tenant-0"})


def test_a_candidate_that_fails_alone_counts_against_it(reader, evidence):
    evidence.compared(5, candidate_outcome="failed")
    evidence.compared(3, control_outcome="timed_out")
    evidence.compared(4, control_outcome="failed", candidate_outcome="failed")
    assert dict(reader().read().failed_more.counts) == {1.0: 5, -1.0: 3}


def test_a_difference_that_the_place_of_a_run_explains_is_not_slowness(reader, evidence):
    evidence.compared(400, candidate_duration_s=1.04)
    assert reader().read().latency.excess(0.05).lower <= 0.0
    evidence.compared(400, candidate_duration_s=1.2, build="two")
    assert reader().read().latency.excess(0.05).lower > 0.5


def test_a_tenant_that_is_erased_leaves_the_standing(reader, evidence):
    one = reader()
    evidence.compared(100)
    one.read()
    with evidence.database.transaction("erase") as connection:
        erase_evidence(connection, Redactor(b"k" * 32), "tenant-3", None)
    assert one.read().outcomes.compared == 90
    evidence.compared(10)  # their ids may have been given before
    assert one.read().outcomes.compared == evidence.stored() == 100


def test_after_a_pruning_new_comparisons_count_although_their_ids_were_given_before(reader, evidence):
    one = reader()
    evidence.compared(50)
    one.read()
    with evidence.database.transaction("prune") as connection:
        remove_before(connection, 3000.0)
    evidence.compared(20)
    assert one.read().outcomes.compared == 20


def test_evidence_that_cannot_be_read_says_so_and_counts_nothing_twice(reader, evidence, monkeypatch):
    one = reader()
    evidence.compared(20)

    def gone(_surface):
        raise EvidenceError("it is gone")  # after the comparisons were read

    with monkeypatch.context() as broken:
        broken.setattr(one._evidence, "noise_rounds", gone)
        assert one.read().unreadable == "it is gone"
    found = one.read()
    assert (found.unreadable, found.outcomes.compared) == (None, 20)


def test_an_expired_entry_and_rounds_of_noise_are_part_of_it(reader, evidence, migration_settings):
    migration_settings.ledger_dir.mkdir()
    (migration_settings.ledger_dir / "chat.toml").write_text(
        '[[accepted]]\nid = "old"\nfingerprint = "0f3a9c2b71de"\nreason = "r"\nowner = "o"\n' + f"expires = {date(2020, 1, 1)}\n"
    )
    evidence.rounds(3)
    found = reader().read()
    assert (found.expired, found.noise_rounds) == (("old",), 3)


def test_looking_at_it_makes_no_database(reader, migration_settings):
    reader(keep=False).read()
    assert not (migration_settings.home / "evidence.db").exists()


def test_a_run_that_was_drawn_with_a_small_probability_stands_for_those_that_were_not_drawn(reader, evidence):
    evidence.compared(90)
    evidence.compared(10, divergent=5, probability=0.1)
    evidence.unseen(90, reason=NOT_SAMPLED, probability=0.1)
    found = reader().read()
    assert (found.outcomes.compared, found.outcomes.not_sampled, found.outcomes.unseen) == (100, 90, 0)
    assert upper(found) > 50 / 190


def test_injected_differences_count_for_their_own_basis_alone(reader, evidence):
    evidence.injected(300, seen=299, build="old")
    evidence.injected(200)
    evidence.injected(100)
    evidence.compared(10)
    found = reader().read()
    assert (found.injected, found.seen) == (300, 300)
