"""`netra-migration status`: what it says, and when it says that a person is needed."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import Result
from typer.testing import CliRunner

from migration.cli.app import app
from migration.evidence import EvidenceStore
from migration.model import Comparison, Divergence, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.processes.identity import birth
from migration.processes.row import ProcessRow
from migration.processes.table import ProcessTable
from migration.sentence import say
from migration.settings import MigrationSettings
from migration.shadow.job import ShadowJob

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_LEDGER_DIR", str(tmp_path / "ledger"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def status(run: Run) -> Callable[[], dict[str, Any]]:
    return lambda: json.loads(run("status", "--json").stdout)


def compared(tmp_path: Path, *accepted_by: str | None, verdict: Verdict = Verdict.ACCEPTED, same: bool = False) -> None:
    """Store one comparison for each entry: a match for None, else one accepted by that ledger entry."""
    store = EvidenceStore.for_writing(MigrationSettings(home=tmp_path))
    for number, entry in enumerate(accepted_by):
        request = RunRequest(
            surface="chat", tenant_id="acme", user_id="u", thread_id="t", run_id=f"r{number}", payload=b"{}", received_at=1.0
        )
        served, shadow = (
            RunRecord(request=request, origin=origin, events=(), journal=(), outcome="completed", duration_s=1.0, trace_id=None)
            for origin in Origin
        )
        divergence = Divergence(
            kind="payload",
            severity="cosmetic",
            fingerprint=f"{0 if same else number:012x}",
            lane="data",
            path="agent_completed.payload.note",
            control=None,
            candidate='"x"',
            sentence=say("A note."),
            verdict=verdict,
            accepted_by=entry if verdict is Verdict.ACCEPTED else None,
        )
        timing = Timing(duration_s=1.0, effect_s=0.0, first_event_s=None)
        comparison = Comparison(
            surface="chat",
            tenant_id="acme",
            user_id="u",
            thread_id="t",
            run_id=request.run_id,
            stage=Stage.SHADOW,
            serving=Origin.CONTROL,
            verdict=verdict if entry else Verdict.MATCH,
            divergences=(divergence,) if entry else (),
            control=timing,
            candidate=timing,
        )
        store.store(ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1), shadow, comparison)
    store.close()


def write_ledger(tmp_path: Path, id_: str, days: int, fingerprint: str = "0" * 12) -> None:
    last = datetime.now(UTC).date() + timedelta(days=days)
    (tmp_path / "ledger").mkdir(exist_ok=True)
    with (tmp_path / "ledger" / "chat.toml").open("a") as file:
        file.write(f'[[accepted]]\nid = "{id_}"\nfingerprint = "{fingerprint}"\nreason = "r"\nowner = "o"\nexpires = {last}\n')


def running(tmp_path: Path, *, source: str = "file:flags.json", pid: int | None = None, born: str | None = None, **fields: Any) -> None:
    """Have this process say so of itself, or another one that is named."""
    table = ProcessTable(MigrationSettings(home=tmp_path).evidence())
    number = pid or os.getpid()
    known: dict[str, Any] = {
        "surfaces": ["chat", "batch"],
        "flags_version": 5,
        "flags_up": True,
        "flags_age_s": 0.1,
        "followed_since": 90.0,
    }
    known |= {"kill_switch": {"chat": False, "batch": False}, "flags_source": source, "said_at": 100.0, "code_version": "1+x"}
    row = {"process_id": f"{number:032x}", "role": "server", "host": "h", "pid": number, "started_at": 80.0}
    table.beat([ProcessRow(**(row | {"birth": born or birth(number) or ""} | known | fields))])
    table.close()


def test_in_an_empty_folder_nothing_is_said_of_stages_and_nothing_is_made(run: Run, tmp_path: Path) -> None:
    result = run("status", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [(row["surface"], row["stage"], row["percent"], row["runs"]) for row in document["surfaces"]] == [
        ("chat", None, None, 0),
        ("batch", None, None, 0),
    ]
    assert (document["processes"], document["kill_switch"], document["flags"]["source"]) == ([], None, None)
    assert "no process has been seen" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_document_has_the_agreed_keys_and_no_made_up_values(status: Callable[[], dict[str, Any]]) -> None:
    document = status()
    assert {"surfaces", "kill_switch", "flags"} <= document.keys()
    assert {"source", "age_s", "version"} <= document["flags"].keys()
    row = document["surfaces"][0]
    assert {"surface", "stage", "percent", "runs", "verdicts", "removal"} <= row.keys()


def test_how_far_removal_is_stands_there_only_where_a_manifest_names_the_surface(
    status: Callable[[], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [row["removal"] for row in status()["surfaces"]] == [None, None]
    (tmp_path / "pyproject.toml").write_text(
        '[tool.netra-migration.removal.surfaces.chat]\nengines = ["engine.py"]\nadapter = "adapter.py"\nledger = "chat.toml"\n'
    )
    assert [row["removal"] for row in status()["surfaces"]] == [
        "not known: no process reports where its tenants are; `removal check` asks the flags",
        None,
    ]
    running(tmp_path, shares={"chat": {"live": 100.0}})
    assert status()["surfaces"][0]["removal"] == "not every tenant is at `complete`; `removal check` shows what else is missing"
    running(tmp_path, shares={"chat": {"complete": 100.0}})
    assert "criteria unmet: " in status()["surfaces"][0]["removal"]


def test_stages_and_tenants_are_what_a_process_evaluates(run: Run, status: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    running(
        tmp_path,
        shares={"chat": {"dualwrite": 75.5, "shadow": 24.5}, "batch": {"off": 100.0}},
        stage_counts={"chat": {"dualwrite": 3, "live": 1}, "batch": {"off": 4}},
        known_tenants=4,
        counted_at=88.0,
    )
    document = status()
    assert [(row["stage"], row["percent"], row["tenants"]) for row in document["surfaces"]] == [
        ("shadow", 24.5, {"dualwrite": 3, "live": 1}),
        ("off", 100.0, {"off": 4}),
    ]
    assert 12.0 <= document["surfaces"][0]["counted_s"] < 60.0
    (process,) = document["processes"]
    assert (process["name"], process["state"], process["flags_version"]) == (f"server {os.getpid()} on h", "live", 5)
    assert (document["flags"]["source"], document["flags"]["up"], document["flags"]["version"]) == ("file:flags.json", True, 5)
    assert f"server {os.getpid()} on h" in run("status").stdout


def test_the_kill_switch_is_said_for_the_surface_and_for_all(tmp_path: Path, status: Callable[[], dict[str, Any]]) -> None:
    running(tmp_path, kill_switch={"chat": True, "batch": False})
    document = status()
    assert ([row["kill_switch"] for row in document["surfaces"]], document["kill_switch"]) == ([True, False], True)


def test_a_process_that_cannot_read_its_flags_is_a_finding_with_the_reason(run: Run, tmp_path: Path) -> None:
    running(tmp_path, flags_up=False, flags_error="flags.json: it is empty; the last known flags stay in use")
    result = run("status", "--json")
    assert (result.exit_code, json.loads(result.stdout)["flags"]["up"]) == (1, False)
    assert "it is empty; the last known flags stay in use" in result.stderr


def test_processes_that_do_not_agree_are_named(run: Run, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        running(tmp_path, kill_switch={"chat": True})
        running(tmp_path, pid=other.pid, flags_version=4)
        result = run("status", "--json")
        other.communicate()
    document = json.loads(result.stdout)
    assert (document["surfaces"][0]["kill_switch"], document["flags"]["version"]) == (None, 4)
    assert "different versions of the flags: 4, 5" in result.stderr


def test_a_process_that_died_is_named_and_serves_nothing(run: Run, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        running(tmp_path, pid=other.pid)
        other.communicate()
    result = run("status", "--json")
    assert [one["state"] for one in json.loads(result.stdout)["processes"]] == ["died"]
    assert f"server {other.pid} on h died" in result.stderr
    assert "no process has been seen" in result.stderr


@pytest.mark.parametrize(("held_by", "remarks"), [("kernel", 0), ("interpreter", 1), (None, 0)])
def test_it_says_what_holds_the_engines_of_shadows_and_remarks_where_that_is_not_the_kernel(
    run: Run, tmp_path: Path, held_by: str | None, remarks: int
) -> None:
    running(tmp_path, role="worker", held_by=held_by)
    result = run("status", "--json")
    assert [one["held_by"] for one in json.loads(result.stdout)["processes"]] == [held_by]
    assert result.stderr.count("only the interpreter, and not the kernel, separates its shadows from the outside") == remarks


def test_a_silent_process_is_a_finding(run: Run, tmp_path: Path) -> None:
    running(tmp_path)
    with sqlite3.connect(tmp_path / "evidence.db") as connection:
        connection.execute("UPDATE migration_processes SET seen_at = seen_at - 60")
    connection.close()
    result = run("status", "--json")
    assert result.exit_code == 1
    assert "is silent for 60 s" in result.stderr


def test_runs_and_verdicts_come_from_the_evidence(tmp_path: Path, status: Callable[[], dict[str, Any]]) -> None:
    compared(tmp_path, None, None, "wording")
    chat, batch = status()["surfaces"]
    assert (chat["runs"], batch["runs"]) == (3, 0)
    assert chat["verdicts"] == {"match": 2, "noise": 0, "accepted": 1, "divergent": 0, "inconclusive": 0}


def test_an_expired_entry_of_the_ledger_is_a_finding(run: Run, tmp_path: Path) -> None:
    write_ledger(tmp_path, "wording", days=-1)
    result = run("status", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["surfaces"][0]["ledger"]["expired"] == ["wording"]
    assert "'wording' has expired" in result.stderr


def test_an_entry_that_accepts_nothing_is_stale_and_one_in_use_is_not(run: Run, tmp_path: Path) -> None:
    write_ledger(tmp_path, "wording", days=1)
    write_ledger(tmp_path, "forgotten", days=1, fingerprint="f" * 12)
    compared(tmp_path, "wording")
    result = run("status", "--json")
    assert json.loads(result.stdout)["surfaces"][0]["ledger"]["stale"] == ["forgotten"]
    assert result.exit_code == 0


def test_an_entry_that_matched_once_is_not_stale_when_something_else_came_last(
    tmp_path: Path, status: Callable[[], dict[str, Any]]
) -> None:
    write_ledger(tmp_path, "wording", days=1)
    compared(tmp_path, "another-entry-of-before")  # has the fingerprint that "wording" names
    assert status()["surfaces"][0]["ledger"]["stale"] == []


def test_what_an_expired_entry_accepted_is_divergent_again_and_named(run: Run, tmp_path: Path) -> None:
    write_ledger(tmp_path, "wording", days=-1)
    compared(tmp_path, "wording", verdict=Verdict.DIVERGENT)
    result = run("status", "--json")
    ledger = json.loads(result.stdout)["surfaces"][0]["ledger"]
    assert (ledger["expired"], ledger["reopened"], ledger["stale"]) == (["wording"], {"wording": ["0" * 12]}, [])
    assert f"'wording' has expired, and what it accepted is divergent again ({'0' * 12})" in result.stderr
    assert result.exit_code == 1


def test_an_expired_entry_that_never_matched_is_to_be_removed(run: Run, tmp_path: Path) -> None:
    write_ledger(tmp_path, "wording", days=-1)
    compared(tmp_path, None)
    result = run("status", "--json")
    assert json.loads(result.stdout)["surfaces"][0]["ledger"]["stale"] == ["wording"]
    assert "'wording' has expired, and it never matched anything that was found; remove it" in result.stderr


def store_rounds(tmp_path: Path, rounds: int, shown: int) -> None:
    store = EvidenceStore.for_writing(MigrationSettings(home=tmp_path))
    for number in range(rounds):
        store.store_round("chat", uuid4().hex, control={"0" * 12} if number < shown else set(), candidate=set())
    store.close()


def test_noise_is_shown_with_its_excess_and_the_interval(run: Run, tmp_path: Path) -> None:
    compared(tmp_path, "wording", None, None, None)
    store_rounds(tmp_path, 40, 10)
    result = run("status", "--json")
    noise = json.loads(result.stdout)["surfaces"][0]["noise"]
    [kind] = noise["kinds"]
    assert (noise["rounds"], kind["fingerprint"], kind["shown"], kind["control"], kind["candidate"]) == (40, "0" * 12, 10, 10, 0)
    assert (kind["compared"], kind["comparisons"], kind["excess"]) == (1, 4, 0.0)
    assert kind["low"] < 0 < kind["high"]
    assert "noise only in part" not in result.stderr


def test_a_kind_that_is_more_frequent_between_the_engines_than_noise_explains_is_said(run: Run, tmp_path: Path) -> None:
    compared(tmp_path, *["wording"] * 8, same=True)
    store_rounds(tmp_path, 400, 1)
    assert f"{'0' * 12} is noise only in part: it occurs +99.8 percentage points more often" in run("status").stderr


def test_a_ledger_that_cannot_be_read_is_a_finding(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "chat.toml").write_text("[[accepted]]\nid = 1\n")
    result = run("status")
    assert result.exit_code == 1
    assert "chat.toml" in result.stderr


def test_the_table_shows_every_surface_with_stage_and_verdicts(run: Run, tmp_path: Path) -> None:
    compared(tmp_path, None, None, "wording")
    running(tmp_path, shares={"chat": {"off": 100.0}, "batch": {"off": 75.0, "dualwrite": 25.0}})
    lines = [line for line in run("status").stdout.splitlines() if line.startswith("│")]
    assert [("100 % off" in line, "2 match, 1 accepted" in line) for line in lines if line.startswith("│ chat")] == [(True, True)]
    assert ["25 % dualwrite" in line for line in lines if line.startswith("│ batch")] == [True]


def test_one_surface_can_be_chosen_and_an_unknown_one_is_wrong_use(run: Run) -> None:
    assert [row["surface"] for row in json.loads(run("status", "--surface", "batch", "--json").stdout)["surfaces"]] == ["batch"]
    result = run("status", "--surface", "chatt")
    assert result.exit_code == 2
    assert "chat, batch" in result.stderr


def test_evidence_that_cannot_be_read_is_said_and_exits_with_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "evidence.db").write_bytes(b"not a database, but long enough to be read as one" * 50)
    result = run("status")
    assert result.exit_code == 2
    assert "cannot read evidence" in result.stderr


def test_a_surface_that_is_not_configured_is_said_to_be_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", "chat, support")
    result = run("status", "--json")
    rows = {row["surface"]: row["configuration"] for row in json.loads(result.stdout)["surfaces"]}
    assert (result.exit_code, rows["chat"]) == (1, None)
    assert "[tool.netra-migration.surfaces]" in rows["support"]
    assert "support: not configured, so its runs are not compared" in result.stderr


def test_a_surface_that_has_taken_no_step_has_no_gate(status) -> None:
    chat = next(one for one in status()["surfaces"] if one["surface"] == "chat")
    assert (chat["gate"], chat["upper_bound"]) == (None, None)


def test_the_gate_of_the_step_says_what_it_decides_and_why(run, status) -> None:
    run("stage", "set", "chat", "dualwrite", "--all")
    run("stage", "set", "chat", "shadow", "--all", "--force", "--reason", "no evidence here")
    chat = next(one for one in status()["surfaces"] if one["surface"] == "chat")
    assert (chat["gate"]["step"], chat["gate"]["what"], chat["gate"]["upper"]) == ("shadow 100 %", "hold", None)
    assert "Nothing was looked at: no run was compared." in chat["gate"]["reasons"]
    assert chat["gate"]["runs_needed"] > 300
    assert "hold at shadow 100 %" in run("status").stdout.replace("\n", " ")


def test_the_upper_bound_is_that_of_the_runs_of_the_step(run, status, tmp_path) -> None:
    run("stage", "set", "chat", "dualwrite", "--all")
    run("stage", "set", "chat", "shadow", "--all", "--force", "--reason", "no evidence here")
    compared(tmp_path, *[None] * 3)  # received before the step was taken
    chat = next(one for one in status()["surfaces"] if one["surface"] == "chat")
    assert (chat["runs"], chat["upper_bound"], chat["gate"]["compared"]) == (3, None, 0)


def test_the_share_of_failed_runs_that_control_saved_is_shown_over_all_processes(run: Run, tmp_path: Path) -> None:
    running(tmp_path, failover={"chat": True, "batch": False}, failovers={"chat": {"saved": 6, "answered": 1}})
    running(tmp_path, pid=os.getppid(), failover={"chat": True, "batch": True}, failovers={"chat": {"saved": 3}})
    result = run("status", "--json")
    chat, batch = (row["failover"] for row in json.loads(result.stdout)["surfaces"])
    assert (chat, batch) == ({"on": True, "results": {"saved": 9, "answered": 1}}, {"on": None, "results": {}})
    assert "chat: control saved 9 of 10 runs that candidate failed; the others: 1 answered" in result.stderr
