"""The evidence store: each comparison once, each kind of divergence one row, failures said plainly."""

import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import create_engine

from migration.errors import ConfigurationError, EvidenceError
from migration.evidence import EvidenceStore, Redactor
from migration.model import Origin, Verdict

Make = Any
OpenStore = Callable[..., EvidenceStore]


def test_a_comparison_stored_twice_counts_once(store: EvidenceStore, make: Make) -> None:
    item = make.item(make.divergence())
    store.store(*item)
    store.store(*item)
    assert store.summary("chat").runs == 1
    assert [kind.count for kind in store.divergences()] == [1]


def test_a_comparison_repeated_in_a_batch_counts_once(store: EvidenceStore, make: Make) -> None:
    assert store.store_many([make.item(), make.item(), make.item(run_id="r-2")]) == 2


def test_the_same_run_shadowed_by_each_engine_is_two_comparisons(store: EvidenceStore, make: Make) -> None:
    store.store(*make.item())
    store.store(*make.item(served=make.run(Origin.CANDIDATE)))
    assert store.summary("chat").runs == 2


def test_batches_larger_than_one_commit_are_stored_whole(store: EvidenceStore, make: Make) -> None:
    assert store.store_many(make.item(make.divergence(), run_id=f"r-{n}") for n in range(501)) == 501
    assert store.divergences()[0].count == 501


def test_the_summary_counts_every_verdict_and_effect_of_its_surface_only(store: EvidenceStore, make: Make) -> None:
    accepted = make.divergence(verdict=Verdict.ACCEPTED, accepted_by="wording")
    store.store_many([make.item(), make.item(run_id="r-2"), make.item(accepted, run_id="r-3"), make.item(surface="batch")])
    summary = store.summary("chat")
    assert summary.runs == 3
    assert summary.verdicts == {"match": 2, "noise": 0, "accepted": 1, "divergent": 0, "inconclusive": 0}
    assert (summary.effects_recorded, summary.effects_replayed, summary.effects_missing, summary.effects_performed_by_shadow) == (
        9,
        6,
        3,
        0,
    )


def test_a_surface_without_comparisons_has_an_empty_summary(store: EvidenceStore) -> None:
    summary = store.summary("chat")
    assert (summary.runs, summary.first_at, summary.last_at) == (0, None, None)


def test_surfaces_are_those_that_have_comparisons(store: EvidenceStore, make: Make) -> None:
    store.store_many([make.item(), make.item(surface="batch")])
    assert store.surfaces() == ["batch", "chat"]


def test_a_kind_keeps_when_it_was_first_and_last_seen_and_how_it_was_last_judged(store: EvidenceStore, make: Make, clock: Any) -> None:
    store.store(*make.item(make.divergence()))
    clock.now = 2_000.0
    store.store(*make.item(make.divergence(verdict=Verdict.ACCEPTED, accepted_by="wording"), run_id="r-2"))
    (kind,) = store.divergences()
    assert (kind.first_seen_at, kind.last_seen_at, kind.count, kind.verdict, kind.accepted_by) == (
        1_000.0,
        2_000.0,
        2,
        "accepted",
        "wording",
    )


def test_the_same_kind_twice_in_a_comparison_is_one_occurrence_counted_twice_with_the_worst_verdict(
    store: EvidenceStore, make: Make
) -> None:
    store.store(*make.item(make.divergence(verdict=Verdict.NOISE), make.divergence(), make.divergence(verdict=Verdict.ACCEPTED)))
    detail = store.divergence("aaaaaaaaaaaa")
    assert detail is not None
    assert (detail.divergence.count, detail.divergence.verdict, detail.verdicts) == (3, "divergent", {"divergent": 1})


def test_a_divergence_that_occurs_several_times_in_a_run_counts_as_often(store: EvidenceStore, make: Make) -> None:
    store.store(*make.item(make.divergence(occurrences=7)))
    assert store.divergences()[0].count == 7


def test_kinds_are_listed_by_frequency_and_can_be_filtered(store: EvidenceStore, make: Make) -> None:
    rare = make.divergence(fingerprint="b" * 12, kind="extra_event")
    noisy = make.divergence(fingerprint="c" * 12, verdict=Verdict.NOISE)
    store.store_many(
        [make.item(make.divergence(), rare), make.item(make.divergence(), noisy, run_id="r-2"), make.item(rare, surface="batch")]
    )
    found = {
        "all": store.divergences(),
        "surface": store.divergences(surface="batch"),
        "verdict": store.divergences(verdict=Verdict.NOISE),
        "kind": store.divergences(kind="extra_event"),
        "limit": store.divergences(limit=1),
    }
    assert {name: "".join(kind.fingerprint[0] for kind in kinds) for name, kinds in found.items()} == {
        "all": "abbc",
        "surface": "b",
        "verdict": "c",
        "kind": "bb",
        "limit": "a",
    }


def test_values_are_kept_for_the_first_occurrences_of_a_kind_only(open_store: OpenStore, make: Make) -> None:
    store = open_store(examples=2)
    store.store_many(make.item(make.divergence(), run_id=f"r-{n}") for n in range(3))
    store.store(*make.item(make.divergence(), run_id="r-3"))
    detail = store.divergence("aaaaaaaaaaaa")
    assert detail is not None
    assert [(example.run_id, example.control, example.candidate) for example in detail.examples] == [
        ("r-0", "true", "false"),
        ("r-1", "true", "false"),
    ]
    assert detail.divergence.count == 4


def test_examples_carry_the_excerpt_around_their_own_divergence(open_store: OpenStore, make: Make) -> None:
    class Row:
        def __init__(self, control: Any, candidate: Any) -> None:
            self.control, self.candidate, self.mark, self.lane = control, candidate, "missing", "data"

    asked: list[str] = []

    def align(control: Any, candidate: Any, comparison: Any) -> list[Row]:
        asked.extend(one.fingerprint for one in comparison.divergences)
        return [Row(control.events[0], None)]

    store = open_store(align=align)
    served = make.run(events=(make.event(final_answer="the secret plan", success=True),))
    store.store(*make.item(make.divergence(), make.divergence(fingerprint="b" * 12), served=served))
    detail = store.divergence("b" * 12)
    assert detail is not None
    (row,) = detail.examples[0].excerpt
    assert asked == ["a" * 12, "b" * 12]
    assert row.control is not None
    assert row.candidate is None
    assert row.control.kind == "agent_completed"
    assert '"success":true' in row.control.payload


def test_control_and_candidate_keep_their_sides_when_the_candidate_serves(open_store: OpenStore, make: Make) -> None:
    sides: list[Origin] = []

    def align(control: Any, candidate: Any, comparison: Any) -> list[Any]:
        sides.extend((control.origin, candidate.origin))
        return []

    open_store(align=align).store(*make.item(make.divergence(), served=make.run(Origin.CANDIDATE)))
    assert sides == [Origin.CONTROL, Origin.CANDIDATE]


def test_comparisons_can_be_found_by_run_tenant_verdict_and_fingerprint(store: EvidenceStore, make: Make) -> None:
    store.store_many([make.item(run_id="r-1"), make.item(make.divergence(), run_id="r-2", tenant_id="globex")])
    assert [one.run_id for one in store.comparisons()] == ["r-2", "r-1"]
    assert [one.run_id for one in store.comparisons(verdict=Verdict.MATCH)] == ["r-1"]
    assert [one.run_id for one in store.comparisons(tenant_id="globex")] == ["r-2"]
    assert [one.run_id for one in store.comparisons(run_id="r-1")] == ["r-1"]
    assert [one.run_id for one in store.comparisons(fingerprint="aaaaaaaaaaaa")] == ["r-2"]


def test_a_comparison_keeps_the_ids_under_which_its_traces_are_found(store: EvidenceStore, make: Make) -> None:
    store.store(*make.item(shadow=make.run(Origin.CANDIDATE, trace_id="f" * 32)))
    (one,) = store.comparisons()
    assert (one.trace_id, one.span_id, one.shadow_trace_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "f" * 32)


def test_pruning_removes_what_is_old_and_lets_new_examples_in(open_store: OpenStore, make: Make, clock: Any) -> None:
    store = open_store(examples=1)
    store.store(*make.item(make.divergence(), make.divergence(fingerprint="b" * 12)))
    clock.now = 2_000.0
    store.store(*make.item(make.divergence(), run_id="r-2"))
    assert store.prune(older_than_s=500) == 1
    store.store(*make.item(make.divergence(), run_id="r-3"))
    assert [kind.fingerprint for kind in store.divergences()] == ["a" * 12]
    detail = store.divergence("a" * 12)
    assert detail is not None
    assert [example.run_id for example in detail.examples] == ["r-3"]
    assert detail.divergence.count == 3


def test_an_unknown_fingerprint_is_none(store: EvidenceStore) -> None:
    assert store.divergence("0" * 12) is None


def test_a_failing_write_leaves_nothing_behind(store: EvidenceStore, make: Make) -> None:
    store.summary("chat")
    with store._database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER late BEFORE INSERT ON occurrences BEGIN SELECT RAISE(ABORT, 'the disk is gone'); END")
    with pytest.raises(EvidenceError, match="the disk is gone"):
        store.store(*make.item(make.divergence()))
    assert store.summary("chat").runs == 0
    assert store.divergences() == []


def test_a_divergence_is_stored_without_excerpt_when_none_can_be_made(
    open_store: OpenStore, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def align(*_: Any) -> list[Any]:
        raise ValueError("quoting the user")

    store = open_store(align=align)
    store.store(*make.item(make.divergence()))
    detail = store.divergence("a" * 12)
    assert detail is not None
    assert [example.excerpt for example in detail.examples] == [[]]
    assert "no excerpt for aaaaaaaaaaaa: ValueError" in caplog.text
    assert "quoting" not in caplog.text


def test_a_full_disk_is_an_evidence_error_that_says_what_to_do(store: EvidenceStore, make: Make) -> None:
    store.store(*make.item())
    with store._database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
    with pytest.raises(EvidenceError, match=r"full.*disk space"):
        store.store_many(make.item(make.divergence(fingerprint=f"{n:012x}"), run_id=f"r-{n}") for n in range(400))


def test_a_locked_database_is_an_evidence_error_and_works_again_when_it_is_free(
    store: EvidenceStore, make: Make, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migration.database._WAIT_S", 0)
    store.summary("chat")
    other = sqlite3.connect(database)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(EvidenceError, match="locked"):
        store.store(*make.item())
    other.rollback()
    other.close()
    store.store(*make.item())
    assert store.summary("chat").runs == 1


def test_of_comparisons_that_are_stored_together_the_one_that_cannot_be_costs_no_other(store: EvidenceStore, make: Make) -> None:
    store.store(*make.item(run_id="r-3"))
    with store._database.engine.begin() as connection:
        refuse = "CREATE TRIGGER odd BEFORE INSERT ON comparisons WHEN NEW.run_id = 'r-2' BEGIN SELECT RAISE(ABORT, 'odd'); END"
        connection.exec_driver_sql(refuse)
    kept = store.store_each([make.item(run_id=f"r-{number}") for number in range(1, 5)])
    assert [type(outcome) if isinstance(outcome, Exception) else outcome for outcome in kept] == [True, EvidenceError, False, True]
    assert {one.run_id for one in store.comparisons()} == {"r-1", "r-3", "r-4"}


def test_a_database_that_cannot_be_used_is_asked_once_for_all_that_are_stored_together(
    store: EvidenceStore, make: Make, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migration.database._WAIT_S", 0)
    store.summary("chat")
    other = sqlite3.connect(database)
    other.execute("BEGIN EXCLUSIVE")
    kept = store.store_each([make.item(run_id=f"r-{number}") for number in range(3)])
    other.close()
    assert len(kept) == 3
    assert len({id(outcome) for outcome in kept}) == 1
    assert "locked" in str(kept[0])


def test_a_file_that_is_no_database_is_an_evidence_error(store: EvidenceStore, database: Path) -> None:
    database.parent.mkdir()
    database.write_bytes(b"not a database, but long enough to be read as one" * 50)
    with pytest.raises(EvidenceError, match="not a database"):
        store.summary("chat")


def test_evidence_goes_on_in_a_new_file_when_the_old_one_was_removed(
    store: EvidenceStore, make: Make, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.store(*make.item())
    for file in database.parent.iterdir():
        file.unlink()
    store.store(*make.item(run_id="r-2"))
    assert [one.run_id for one in store.comparisons()] == ["r-2"]
    assert "was removed or replaced" in caplog.text


def test_the_file_is_readable_by_its_owner_only(store: EvidenceStore, make: Make, database: Path) -> None:
    store.store(*make.item())
    assert {stat.S_IMODE(file.stat().st_mode) for file in database.parent.iterdir()} == {0o600}


def test_the_database_is_not_touched_before_it_is_needed(store: EvidenceStore, database: Path) -> None:
    assert not database.parent.exists()


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/evidence"])
def test_a_wrong_url_is_a_configuration_error_without_the_url(url: str) -> None:
    with pytest.raises(ConfigurationError):
        EvidenceStore(url, Redactor(b"k"))


def test_an_error_names_the_database_without_its_password() -> None:
    store = EvidenceStore("postgresql://netra:hunter2@127.0.0.1:9/evidence", Redactor(b"k"))
    with pytest.raises(EvidenceError) as caught:
        store.summary("chat")
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_those_who_start_together_make_the_tables_once(open_store: OpenStore) -> None:
    start = Barrier(8)

    def first_use(store: EvidenceStore) -> int:
        start.wait(timeout=30)
        return store.summary("chat").runs

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(first_use, [open_store() for _ in range(8)])) == [0] * 8


def test_evidence_made_by_a_newer_tool_is_refused(store: EvidenceStore, database: Path) -> None:
    store.summary("chat")
    store.close()
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(EvidenceError, match="newer"):
        EvidenceStore(f"sqlite:///{database}", Redactor(b"k")).summary("chat")


def test_an_example_keeps_what_follows_from_it_with_lanes_and_paths_redacted(store: EvidenceStore, make: Make) -> None:
    follows = ("missing_event agent_completed of data, 2 times", "payload tool_completed.payload.Ada Lovelace of actions", "3 more")
    store.store(*make.item(make.divergence(follows=follows)))
    detail = store.divergence("a" * 12)
    assert detail is not None
    whole, redacted, more = detail.examples[0].follows
    assert (whole, more) == (follows[0], follows[2])
    assert redacted.startswith("payload tool_completed.payload.#")
    assert redacted.endswith(" of actions")
    assert "Ada" not in redacted
