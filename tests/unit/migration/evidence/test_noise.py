"""What engines show against themselves is counted by fingerprint and day, and answered beside what comparisons show."""

from typing import Any
from uuid import uuid4

from sqlalchemy import event

from migration.evidence import EvidenceReader, EvidenceStore
from migration.evidence.tables import counted_rounds

A, B, C = "a" * 12, "b" * 12, "c" * 12
DAY_S = 86_400


def test_rounds_and_hits_are_counted_by_engine(store: EvidenceStore, make: Any) -> None:
    store.store_round("chat", uuid4().hex, control={A}, candidate=set())
    store.store_round("chat", uuid4().hex, control={A, B}, candidate={A})
    store.store_round("chat", uuid4().hex, control=set(), candidate=set())
    view = store.noise("chat")
    assert view.rounds == 3
    assert [(hit.fingerprint, hit.rounds, hit.control, hit.candidate) for hit in view.hits] == [(A, 2, 2, 1), (B, 1, 1, 0)]


def test_a_hit_comes_with_the_comparisons_that_show_it_too(store: EvidenceStore, make: Any) -> None:
    store.store_many([make.item(make.divergence(occurrences=7)), make.item(make.divergence(), run_id="r-2"), make.item(run_id="r-3")])
    store.store(*make.item(make.divergence(), run_id="r-4", surface="batch"))
    store.store_round("chat", uuid4().hex, control={A}, candidate={C})
    view = store.noise("chat")
    assert view.comparisons == 3
    assert {hit.fingerprint: hit.compared for hit in view.hits} == {A: 2, C: 0}


def test_surfaces_do_not_mix(store: EvidenceStore) -> None:
    store.store_round("chat", uuid4().hex, control={A}, candidate=set())
    assert (store.noise("batch").rounds, store.noise("batch").hits) == (0, [])


def test_without_hits_no_comparison_is_counted(store: EvidenceStore, make: Any) -> None:
    store.store(*make.item(make.divergence()))
    store.store_round("chat", uuid4().hex, control=set(), candidate=set())
    asked: list[str] = []
    event.listen(store._database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    assert store.noise("chat").rounds == 1
    assert not any("comparisons" in statement for statement in asked)


def test_days_add_up_and_old_ones_are_pruned(store: EvidenceStore, clock: Any) -> None:
    clock.now = 10.5 * DAY_S
    store.store_round("chat", uuid4().hex, control={A}, candidate=set())
    clock.now = 12.5 * DAY_S
    store.store_round("chat", uuid4().hex, control={A}, candidate=set())
    assert [(hit.fingerprint, hit.rounds) for hit in store.noise("chat").hits] == [(A, 2)]
    store.prune(older_than_s=1.25 * DAY_S)
    view = store.noise("chat")
    assert (view.rounds, [hit.rounds for hit in view.hits]) == (1, [1])


def test_a_day_is_kept_while_any_of_it_is_young_enough(store: EvidenceStore, clock: Any) -> None:
    clock.now = 10.1 * DAY_S
    store.store_round("chat", uuid4().hex, control=set(), candidate=set())
    clock.now = 11.9 * DAY_S
    store.prune(older_than_s=1.0 * DAY_S)
    assert store.noise("chat").rounds == 1


def test_what_is_no_fingerprint_is_not_stored_as_it_is(store: EvidenceStore) -> None:
    store.store_round("chat", uuid4().hex, control={"What Ada said"}, candidate=set())
    assert "Ada" not in store.noise("chat").hits[0].fingerprint


def test_a_reader_answers_too(store: EvidenceStore, database: Any) -> None:
    store.store_round("chat", uuid4().hex, control={A}, candidate=set())
    reader = EvidenceReader(f"sqlite:///{database}")
    assert reader.noise("chat").rounds == 1
    reader.close()


def test_the_round_of_a_run_counts_once_however_often_it_is_done(store: EvidenceStore) -> None:
    """A job goes back to the queue when its worker dies between storing the round and giving the answer."""
    for _ in range(2):
        store.store_round("chat", "r-1", control={A}, candidate=set())
    store.store_round("batch", "r-1", control=set(), candidate=set())

    assert (store.noise("chat").rounds, [hit.rounds for hit in store.noise("chat").hits]) == (1, [1])
    assert store.noise("batch").rounds == 1


def test_the_runs_of_rounds_are_removed_with_the_rounds_and_no_id_is_stored(store: EvidenceStore, clock: Any) -> None:
    store.store_round("chat", "the-id-of-a-run", control={A}, candidate=set())
    with store._database.transaction("read") as connection:
        rows = connection.execute(counted_rounds.select()).all()
    assert (len(rows), "the-id-of-a-run" in str(rows)) == (1, False)

    clock.now += 3 * DAY_S
    store.prune(DAY_S)

    with store._database.transaction("read") as connection:
        assert connection.execute(counted_rounds.select()).all() == []
