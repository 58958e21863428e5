"""`erase` on the real stores: what is kept of a person goes from every place, what is kept of others stays."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from migration.cli.app import app
from migration.evidence import EvidenceStore
from migration.history import History
from migration.model import Comparison, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.processes.identity import birth, this_host
from migration.processes.row import ProcessRow
from migration.processes.table import ProcessTable
from migration.settings import MigrationSettings
from migration.shadow.job import ShadowJob
from migration.stores import Outbox, StoresDatabase
from netra_backend.app.config import Settings
from netra_backend.app.execution import open_run_stores
from netra_backend.app.execution.run_stores import finished
from netra_backend.app.services.database import create_schema, open_engine

ADA, BOB, EVE = ("acme-industries", "ada-of-acme"), ("acme-industries", "bob-of-acme"), ("globex-holding", "eve-of-globex")


def run_of(who: tuple[str, str], origin: Origin = Origin.CONTROL) -> RunRecord:
    tenant, user = who
    request = RunRequest(
        surface="chat",
        tenant_id=tenant,
        user_id=user,
        thread_id=f"thread-of-{user}",
        run_id=f"run-of-{user}",
        payload=json.dumps({"message": f"I am {user} of {tenant}", "agent": "assistant", "history": []}).encode(),
        received_at=1.0,
    )
    return RunRecord(request=request, origin=origin, events=(), journal=(), outcome="completed", duration_s=1.0, trace_id=None)


def compared(who: tuple[str, str]) -> tuple[ShadowJob, RunRecord, Comparison]:
    served, shadow, timing = run_of(who), run_of(who, Origin.CANDIDATE), Timing(duration_s=1.0, effect_s=0.0, first_event_s=None)
    ids = {name: getattr(served.request, name) for name in ("surface", "tenant_id", "user_id", "thread_id", "run_id")}
    comparison = Comparison(
        **ids, stage=Stage.SHADOW, serving=Origin.CONTROL, verdict=Verdict.MATCH, divergences=(), control=timing, candidate=timing
    )
    return ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=5), shadow, comparison


async def fill(home: Path, settings: MigrationSettings) -> None:
    backend = Settings(home=home, jwt_secret="s" * 32)
    database = open_engine(backend.database_url)
    await create_schema(database)
    async with database.begin() as connection:
        for tenant, user in (ADA, BOB, EVE):
            values = {"id": f"thread-of-{user}", "tenant": tenant, "user": user}
            await connection.execute(text("INSERT INTO threads (id, tenant_id, user_id) VALUES (:id, :tenant, :user)"), values)
    await database.dispose()
    outbox = StoresDatabase(settings.outbox())
    async with open_run_stores(backend) as opened:
        for who in (ADA, BOB, EVE):
            for store in opened.stores.values():
                await store.write([finished(run_of(who))])
            await Outbox(outbox).add(finished(run_of(who)), ["user"])
    outbox.close()
    evidence = EvidenceStore.for_writing(settings)
    evidence.store_many([compared(who) for who in (ADA, BOB, EVE)])
    evidence.close()
    table = ProcessTable(settings.evidence())
    table.saw({tenant: "{}" for tenant, _ in (ADA, EVE)})
    table.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {"NETRA_HOME": tmp_path, "NETRA_MIGRATION_HOME": tmp_path, "NETRA_JWT_SECRET": "s" * 32}.items():
        monkeypatch.setenv(name, str(value))
    asyncio.run(fill(tmp_path, MigrationSettings()))
    return tmp_path


def erase(*words: str) -> Result:
    return CliRunner().invoke(app, ["erase", *words, "--yes", "--json"])


def rows(home: Path, file: str, table: str) -> int:
    with sqlite3.connect(home / file) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a table of this test


def holding(home: Path, what: str) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file() and what.encode() in path.read_bytes())


def test_a_user_is_gone_from_every_file_and_the_others_are_whole(home):
    done = erase("--tenant", ADA[0], "--user", ADA[1])
    assert (done.exit_code, holding(home, ADA[1])) == (0, [])
    report = json.loads(done.stdout)
    assert report["removed"] == {"agent_runs": 1, "user_runs": 1, "threads": 1, "action_plans": 0, "outbox": 1, "evidence": 1}
    assert [rows(home, "evidence.db", "comparisons"), rows(home, "stores.db", "outbox")] == [2, 2]
    assert holding(home, BOB[1])


def test_a_tenant_is_gone_from_every_file_and_the_others_are_whole(home):
    done = erase("--tenant", ADA[0])
    assert (done.exit_code, [holding(home, one) for one in (ADA[0], ADA[1], BOB[1])]) == (0, [[], [], []])
    assert rows(home, "evidence.db", "comparisons") == 1
    assert holding(home, EVE[1])


def test_the_history_keeps_that_it_was_done_with_a_digest_alone(home):
    digest = json.loads(erase("--tenant", ADA[0], "--user", ADA[1]).stdout)["digest"]
    history = History.of_settings(MigrationSettings())
    last = history.entries()[0]
    history.close()
    assert (last.kind, last.what) == ("erasure", f"user {digest} was erased: 5 rows")


def test_a_file_that_still_names_the_user_is_named_and_a_finding(home):
    (home / "export.jsonl").write_text(f'{{"user": "{ADA[1]}"}}')
    done = erase("--tenant", ADA[0], "--user", ADA[1])
    assert (done.exit_code, json.loads(done.stdout)["named_in"]) == (1, [str(home / "export.jsonl")])


def test_a_tenant_that_flags_still_name_is_refused_with_the_command_that_helps(home):
    pin = {"contextKind": "tenant", "variation": 1, "values": [ADA[0]]}
    flag = {"key": "execution-engine-chat", "version": 1, "on": True, "variations": ["off", "dualwrite"], "contextTargets": [pin]}
    flag |= {"offVariation": 0, "fallthrough": {"variation": 0}, "salt": "a"}
    (home / "flags.json").write_text(json.dumps({"flags": {flag["key"]: flag}}))
    done = erase("--tenant", ADA[0])
    assert (done.exit_code, "stage unpin" in done.stderr) == (2, True)
    assert rows(home, "evidence.db", "comparisons") == 3


def test_a_process_with_shadows_of_before_is_waited_for_and_named(home, monkeypatch):
    monkeypatch.setattr("migration.erasure.erase.WAIT_S", 0.0)
    table = ProcessTable(MigrationSettings().evidence())
    busy = ProcessRow(
        process_id="f" * 32,
        role="server",
        host=this_host(),
        pid=1,
        birth=birth(1),
        started_at=1.0,
        said_at=1.0,
        code_version="1",
        shadow_waiting=3,
    )
    table.beat([busy])
    table.close()
    done = erase("--tenant", ADA[0], "--user", ADA[1])
    assert (done.exit_code, json.loads(done.stdout)["waiting"]) == (1, [busy.name])


def test_erasing_twice_is_safe(home):
    assert [erase("--tenant", ADA[0], "--user", ADA[1]).exit_code for _ in range(2)] == [0, 0]
