"""Evidence on a real PostgreSQL: the same tables, the same promises."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text

from migration.errors import EvidenceError, LostLeaseError
from migration.evidence import EvidenceStore, GateReader, Redactor, schema
from migration.evidence.tables import comparisons, metadata
from migration.model import Comparison, Divergence, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.rollout import Position, Rollout, RolloutStore
from migration.rollout.store import Intent
from migration.sentence import quoted
from migration.shadow.job import ShadowJob

pytestmark = pytest.mark.server

Item = tuple[ShadowJob, RunRecord, Comparison]


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """Start a PostgreSQL of our own on a free loopback port."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian keeps them off the path
    if not programs:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    # PostgreSQL refuses root, and other users may not enter pytest's folders.
    user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="evidence-postgres-"))
    if user:
        shutil.chown(folder, "postgres", "postgres")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    initdb = [programs[-1] / "initdb", "-D", folder / "data", "-U", "netra", "-A", "trust", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **user)
    settings = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
    command = [programs[-1] / "postgres", "-D", folder / "data", *(word for setting in settings for word in ("-c", setting))]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/", **user) as server:
        try:
            url = f"postgresql://netra@127.0.0.1:{port}/postgres"
            wait_until_up(url.replace("postgresql:", "postgresql+psycopg:"))
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # the fast shutdown, which waits for no client
    shutil.rmtree(folder)


def wait_until_up(url: str) -> None:
    """Ask until it answers; there is no event to wait for on another program."""
    engine, give_up = create_engine(url), time.monotonic() + 60
    while True:
        try:
            with engine.connect():
                break
        except Exception:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)
    engine.dispose()


@pytest.fixture
def url(server_url: str) -> str:
    """Return the server's address, emptied."""
    engine = create_engine(server_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server_url


@pytest.fixture
def store(url: str) -> Iterator[EvidenceStore]:
    store = EvidenceStore(url, Redactor(b"k"), lambda: 1_000.0)
    yield store
    store.close()


def item(run_id: str, *fingerprints: str) -> Item:
    """Return a comparison that diverged in kinds with these fingerprints; said with a NUL, which PostgreSQL stores in no text."""
    ids = {"surface": "chat", "tenant_id": "acme", "user_id": "u", "thread_id": "t", "run_id": run_id}
    request = RunRequest(**ids, payload=b"{}", received_at=1.0)
    served, shadow = (
        RunRecord(request=request, origin=origin, events=(), journal=(), outcome="completed", duration_s=1.0, trace_id=None)
        for origin in Origin
    )
    timing = Timing(duration_s=1.0, effect_s=0.0, first_event_s=None)
    found = tuple(
        Divergence(
            kind="payload",
            severity="contract",
            fingerprint=fingerprint,
            lane="data",
            path="agent_completed.payload.note",
            control='"a\\u0000b"',
            candidate=None,
            sentence=quoted("A note\0."),
        )
        for fingerprint in fingerprints
    )
    verdict = Verdict.DIVERGENT if found else Verdict.MATCH
    comparison = Comparison(
        **ids, stage=Stage.SHADOW, serving=Origin.CONTROL, verdict=verdict, divergences=found, control=timing, candidate=timing
    )
    return ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1), shadow, comparison


def test_migrations_and_tables_agree(store: EvidenceStore, url: str) -> None:
    store.summary("chat")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    engine.dispose()
    assert differences == []


def test_writers_that_start_together_count_each_comparison_once(url: str) -> None:
    stores = [EvidenceStore(url, Redactor(b"k"), lambda: 1_000.0) for _ in range(4)]
    items = [item(f"r{number}", f"{number % 5:012x}", "f" * 12) for number in range(100)]
    with ThreadPoolExecutor(4) as threads:
        new = list(threads.map(lambda store: store.store_many(items), stores))
    summary = stores[0].summary("chat")
    counts = {kind.fingerprint: kind.count for kind in stores[0].divergences("chat")}
    for store in stores:
        store.close()
    assert (sum(new), summary.runs) == (100, 100)
    assert counts == {"f" * 12: 100} | {f"{number:012x}": 20 for number in range(5)}


def test_rounds_stored_together_are_all_counted(url: str) -> None:
    stores = [EvidenceStore(url, Redactor(b"k"), lambda: 1_000.0) for _ in range(4)]
    stores[0].store(*item("r1", "a" * 12))

    def store_rounds(store: EvidenceStore) -> None:
        for number in range(25):
            store.store_round("chat", uuid4().hex, control={"a" * 12, "b" * 12}, candidate={"a" * 12} if number % 5 == 0 else ())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(store_rounds, stores))
    view = stores[0].noise("chat")
    for store in stores:
        store.close()
    assert (view.rounds, view.comparisons) == (100, 1)
    assert [(hit.fingerprint, hit.rounds, hit.control, hit.candidate, hit.compared) for hit in view.hits] == [
        ("a" * 12, 100, 100, 20, 1),
        ("b" * 12, 100, 100, 0, 0),
    ]


def test_examples_are_read_back_and_pruned(store: EvidenceStore) -> None:
    store.store(*item("r1", "a" * 12))
    detail = store.divergence("a" * 12)
    assert detail is not None
    assert [example.run_id for example in detail.examples] == ["r1"]
    assert store.prune(older_than_s=-1) == 1
    assert store.divergence("a" * 12) is None


def test_a_connection_that_the_server_cut_is_made_anew(store: EvidenceStore, url: str) -> None:
    store.store(*item("r1"))
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'postgres'")
        )
    engine.dispose()
    store.store(*item("r2"))
    assert store.summary("chat").runs == 2


def test_a_table_that_was_taken_away_is_an_evidence_error_and_comes_back(store: EvidenceStore, url: str) -> None:
    store.store(*item("r1"))
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    with pytest.raises(EvidenceError, match="comparisons"):
        store.store(*item("r2"))
    store.store(*item("r3"))
    assert store.summary("chat").runs == 1


def test_strata_are_counted(store: EvidenceStore) -> None:
    store.store_many([item("r-1"), item("r-2", "a" * 12)])
    (one,) = store.strata("chat").strata
    assert (one.event, one.outcome, one.runs, one.divergent) == ("", "completed", 2, 1)


def test_going_back_one_schema_and_up_again_keeps_every_comparison_with_its_divergences(store: EvidenceStore, url: str) -> None:
    store.store_many([item(f"r{number}", "f" * 12) for number in range(3)])
    schema.downgrade(store._database.engine, "0003")
    schema.upgrade(store._database.engine)
    detail = store.divergence("f" * 12)
    assert detail is not None
    assert (store.summary("chat").runs, detail.divergence.count, len(detail.examples)) == (3, 3, 3)


def test_a_gate_misses_no_comparison_whose_transaction_ends_after_a_later_one(store: EvidenceStore, url: str) -> None:
    store.store(*item("r-1"))
    reader, engine = GateReader(url), create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as slow:
        copied = [column for column in comparisons.c if column.name not in {"id", "run_id"}]
        row = slow.execute(select(*copied)).mappings().one()
        slow.execute(comparisons.insert().values({str(name): value for name, value in row.items()} | {"run_id": "r-2"}))
        store.store(*item("r-3"))
        with ThreadPoolExecutor(1) as pool:
            end = pool.submit(reader.end)
            with pytest.raises(TimeoutError):
                end.result(0.3)  # it waits for the transaction that has begun
            slow.commit()
            place = end.result(30)
    stage = Stage(row["stage"])
    found = [one.id for one in reader.compared(row["surface"], stage, 0.0, 0, place.compared)]
    assert len(found) == 3
    first = reader.keep("chat", "step", b"1", before=None)
    assert first is not None
    assert reader.keep("chat", "step", b"2", before=None) is None
    assert reader.kept("chat", "step") == (first, b"1")
    reader.close()
    engine.dispose()


def test_the_state_of_ramps_is_kept_by_one_leader(url: str) -> None:
    store = RolloutStore(url)
    here = Position(Stage.DUALWRITE, 50.0)
    store.start(Rollout(surface="chat", state="running", ramp_name="r", ramp=""))
    assert (store.take("one", None), store.take("two", None), store.renew("one"), store.renew("two")) == (True, False, True, False)
    intent = Intent(id="i", what="promote", stage=Stage.SHADOW, percent=10.0, version=3, reasons=("why",))
    begun = store.rollout("chat")
    assert begun is not None
    after = store.change(begun, holder="one", intent=intent, at=here)
    assert store.rollout("chat") == after
    assert store.take("two", store.lease())
    with pytest.raises(LostLeaseError):
        store.change(after, holder="one", intent=None)
    with pytest.raises(LostLeaseError):
        store.change(begun, holder="two", intent=None)
    assert store.change(after, holder="two", intent=None).intent is None
    assert store.seen("chat", here, 10.0) == store.seen("chat", here, 20.0)
    assert store.approve("chat", here, "ada") == ("ada",)
    store.close()
