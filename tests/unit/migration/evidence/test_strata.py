"""Compared runs are counted in the strata that they are in, and divergences where they happen."""

from contextlib import closing

import pytest
from sqlalchemy import MetaData, Table, create_engine

from migration.errors import EvidenceError
from migration.evidence import EvidenceStore, Redactor, schema
from migration.evidence.strata import OTHER
from migration.model import Event, Verdict
from migration.sentence import say

KEY = b"k" * 32
TOOL = "data/usage_summary#2"


def event(kind, lane="data"):
    return Event(kind=kind, lane=lane, payload=b"{}", at_s=0.1)


STREAM = (event("agent_started"), event("tool_executing", TOOL), event("tool_executing", "data/usage_summary#1"), event("agent_completed"))


@pytest.fixture
def put(store, make):
    """Stores one comparison of a run with these events."""
    numbers = iter(range(10_000))

    def one(*divergences, events=STREAM, outcome="completed", run_id=None, **changes):
        run_id = run_id or f"r-{next(numbers)}"
        served = make.run(run_id=run_id, events=events, outcome=outcome)
        store.store(*make.item(*divergences, run_id=run_id, served=served, **changes))

    return one


@pytest.fixture
def counts(store):
    def read(surface="chat"):
        return {(one.event, one.tool, one.outcome): (one.runs, one.divergent) for one in store.strata(surface).strata}

    return read


def test_a_run_is_once_in_each_stratum_that_it_has(put, counts):
    put()
    put(outcome="failed", events=STREAM[:1])
    assert counts() == {
        ("agent_started", "", "completed"): (1, 0),
        ("tool_executing", "usage_summary", "completed"): (1, 0),
        ("agent_completed", "", "completed"): (1, 0),
        ("agent_started", "", "failed"): (1, 0),
    }


def test_a_run_without_events_is_in_a_stratum_of_its_own(put, counts):
    put(events=(), outcome="timed_out")
    assert counts() == {("", "", "timed_out"): (1, 0)}


def test_a_divergence_counts_in_the_stratum_that_it_touches_and_in_no_other(put, counts, make):
    put(make.divergence(lane=TOOL, path="tool_executing.payload.parameters[0]"))
    assert counts() == {
        ("agent_started", "", "completed"): (1, 0),
        ("tool_executing", "usage_summary", "completed"): (1, 1),
        ("agent_completed", "", "completed"): (1, 0),
    }


def test_two_divergences_in_one_stratum_make_one_divergent_run(put, counts, make):
    put(make.divergence(path="agent_started.payload.status"), make.divergence(path="agent_started", fingerprint="b" * 12))
    assert counts()["agent_started", "", "completed"] == (1, 1)


@pytest.mark.parametrize(
    ("lane", "path"),
    [("", "run.outcome"), ("data", "model.request.messages[1]"), ("data", "agent_death"), ("data/other_tool#1", "tool_executing")],
)
def test_a_divergence_without_an_event_of_the_run_counts_in_all_of_its_strata(put, counts, make, lane, path):
    put(make.divergence(lane=lane, path=path))
    assert set(counts().values()) == {(1, 1)}


def test_a_divergent_verdict_without_a_divergent_finding_counts_in_all_strata(put, counts):
    put(verdict=Verdict.DIVERGENT)
    assert set(counts().values()) == {(1, 1)}


@pytest.mark.parametrize("verdict", [Verdict.MATCH, Verdict.NOISE, Verdict.ACCEPTED])
def test_what_is_no_unaccepted_divergence_is_clean(put, counts, make, verdict):
    put(*([] if verdict is Verdict.MATCH else [make.divergence(verdict=verdict)]))
    assert set(counts().values()) == {(1, 0)}


def test_what_is_accepted_beside_a_divergence_touches_nothing(put, counts, make):
    put(make.divergence(path="agent_started.x", verdict=Verdict.ACCEPTED), make.divergence(fingerprint="b" * 12))
    assert {place[0] for place, (_, divergent) in counts().items() if divergent} == {"agent_completed"}


def test_an_inconclusive_comparison_was_no_comparison(put, store, make):
    put(make.divergence(), verdict=Verdict.INCONCLUSIVE, reasons=(say("limit"),))
    assert (store.strata("chat").strata, store.strata("chat").unknown) == ([], 0)


def test_a_comparison_that_is_stored_twice_counts_once(put, counts):
    put(run_id="same")
    put(run_id="same")
    assert set(counts().values()) == {(1, 0)}


def test_surfaces_are_counted_apart(put, counts):
    put()
    assert counts("tools") == {}


def test_names_beyond_the_limit_share_a_stratum(put, counts):
    for number in range(100):
        put(events=(event("tool_executing", f"data/tool_{number}#1"), event("agent_started")))
    found = counts()
    assert len(found) <= 66
    assert found["tool_executing", OTHER, "completed"][0] == 100 - 64
    assert found["agent_started", "", "completed"] == (100, 0)


def test_an_event_kind_that_names_a_person_is_not_stored(put, counts):
    put(events=(event("mail of ada@acme.example"),))
    assert "ada" not in str(counts())


def test_pruning_takes_the_counts_along(put, store, counts, clock):
    put()
    clock.now += 100
    put()
    store.prune(50)
    assert set(counts().values()) == {(1, 0)}


def test_a_failed_batch_leaves_nothing_behind_that_is_taken_for_stored(put, store, counts, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("migration.evidence.writing._insert_new", _fail)
        with pytest.raises(EvidenceError):
            put()
    put()
    assert (len(counts()), store.strata("chat").unknown) == (3, 0)


def _fail(*_args):
    raise OSError("the disk is full")


def test_a_database_that_was_removed_gets_the_sets_again(put, store, counts, database):
    put()
    for file in database.parent.glob("evidence.db*"):
        file.unlink()
    put()
    assert (len(counts()), store.strata("chat").unknown) == (3, 0)


def test_processes_share_the_sets(open_store, make):
    for number, store in enumerate((open_store(), open_store())):
        served = make.run(run_id=f"r-{number}", events=STREAM)
        store.store(*make.item(run_id=f"r-{number}", served=served))
    assert {one.runs for one in open_store().strata("chat").strata} == {2}


def test_what_was_compared_before_there_were_strata_is_counted_as_unknown(tmp_path):
    url = f"sqlite:///{tmp_path}/e.db"
    engine = create_engine(url)
    schema.upgrade(engine)
    schema.downgrade(engine, "0003")
    with engine.begin() as connection:
        old = Table("comparisons", MetaData(), autoload_with=connection)
        values = {column.name: 1 for column in old.c if not column.nullable} | {"surface": "chat", "reasons": []}
        connection.execute(old.insert().values(values | {"verdict": "match"}))
    engine.dispose()
    with closing(EvidenceStore(url, Redactor(KEY))) as store:
        found = store.strata("chat")
    assert (found.strata, found.unknown) == ([], 1)
