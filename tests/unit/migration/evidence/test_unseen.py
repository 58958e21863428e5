"""Runs that were not compared are counted without the database, and written so that a gate can read them."""

import pytest
from sqlalchemy import select

from migration.errors import EvidenceError
from migration.evidence import GateReader, Redactor, UnseenRuns, digest_key
from migration.evidence.erasing import erase_evidence, evidence_left
from migration.evidence.tables import unseen_runs
from migration.model import NOT_SAMPLED, Stage
from migration.settings import MigrationSettings


@pytest.fixture
def settings(tmp_path):
    return MigrationSettings(home=tmp_path)


@pytest.fixture
def unseen(settings):
    found = UnseenRuns(settings, clock=lambda: 50.0)
    yield found
    found.close()


@pytest.fixture
def reader(settings):
    found = GateReader(settings.evidence())
    yield found
    found.close()


def read(reader, stage=Stage.LIVE, since=0.0):
    return [(row.tenant_id, row.runs) for row in reader.unseen("chat", stage, since, 0, reader.end().unseen)]


def test_counting_needs_no_database(unseen, settings, make):
    unseen.count(make.run(), Stage.LIVE, "queue_jobs")
    assert not (settings.home / "evidence.db").exists()


def test_runs_are_written_by_tenant_stage_and_reason(unseen, reader, make):
    for tenant, stage, reason in (
        ("acme", Stage.LIVE, "queue_jobs"),
        ("acme", Stage.LIVE, "queue_jobs"),
        ("globex", Stage.SHADOW, "engine"),
    ):
        unseen.count(make.run(tenant_id=tenant), stage, reason)
    unseen.write()
    unseen.write()
    assert read(reader) == [("acme", 2)]
    assert read(reader, Stage.SHADOW) == [("globex", 1)]
    assert read(reader, since=51.0) == []


def test_the_strata_of_an_unseen_run_are_those_of_a_compared_one(unseen, reader, make, open_store):
    served = make.run(events=(make.event(), make.event("tool_completed")))
    unseen.count(served, Stage.LIVE, "engine")
    unseen.write()
    row = reader.unseen("chat", Stage.LIVE, 0.0, 0, reader.end().unseen)[0]
    assert [tuple(one) for one in reader.strata(row.strata)] == [("agent_completed", "", "completed"), ("tool_completed", "", "completed")]


def test_counts_are_kept_while_the_database_cannot_be_written(unseen, reader, make, settings):
    unseen.count(make.run(), Stage.LIVE, "engine")
    (settings.home / "evidence.db").mkdir()
    with pytest.raises(EvidenceError):
        unseen.write()
    (settings.home / "evidence.db").rmdir()
    unseen.count(make.run(), Stage.LIVE, "engine")
    unseen.write()
    assert read(reader) == [("acme", 2)]


def test_a_tenant_is_erased_from_them(unseen, reader, make, settings):
    for tenant in ("acme", "globex"):
        unseen.count(make.run(tenant_id=tenant), Stage.LIVE, "engine")
    unseen.write()
    redactor = Redactor(digest_key(settings))
    with reader._database.transaction("erase") as connection:
        assert evidence_left(connection, redactor, "acme", None) == 1
        erase_evidence(connection, redactor, "acme", None)
        assert connection.execute(select(unseen_runs.c.tenant_id)).scalars().all() == ["globex"]


def test_runs_are_written_apart_by_the_probability_of_their_draw(unseen, reader, make):
    for reason, probability in (("queue_jobs", 0.5), (NOT_SAMPLED, 0.5), (NOT_SAMPLED, 0.5), (NOT_SAMPLED, 0.25), ("engine", 1.0)):
        unseen.count(make.run(), Stage.LIVE, reason, probability)
    unseen.write()
    rows = reader.unseen("chat", Stage.LIVE, 0.0, 0, reader.end().unseen)
    assert sorted((row.reason, row.probability, row.runs) for row in rows if row.probability) == [
        (NOT_SAMPLED, 0.25, 1),
        (NOT_SAMPLED, 0.5, 2),
        ("queue_jobs", 0.5, 1),
    ]
    assert [(row.reason, row.probability) for row in rows if row.probability is None] == [("engine", None)]
