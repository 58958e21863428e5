"""`netra-migration rollout`: starts, steers and shows ramps. What a controller does with them is tested in rollout/test_controller.py."""

import json
from contextlib import closing
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from migration.cli.app import app
from migration.cli.rollout_page import RampStatus, bar, page, sparkline
from migration.history import Entry
from migration.model import Stage
from migration.rollout import Position, Rollout, RolloutStore
from migration.rollout.store import Intent
from migration.settings import MigrationSettings

RAMP = """
[gate]
approvals = 2

[[step]]
stage = "dualwrite"
percent = 50

[[step]]
stage = "dualwrite"
percent = 100
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
    (tmp_path / "ramp.toml").write_text(RAMP)
    return lambda *arguments: CliRunner().invoke(app, ["rollout", *arguments])


@pytest.fixture
def start(run, tmp_path):
    return lambda: run("start", "chat", "--ramp", str(tmp_path / "ramp.toml"))


@pytest.fixture
def ramp(run):
    return lambda: json.loads(run("status", "--json").stdout)["ramps"][0]


def test_a_ramp_is_started_paused_resumed_and_ended(run, start, ramp):
    assert start().exit_code == 0
    states = [ramp()["state"]]
    for command in ("pause", "resume", "abort"):
        assert run(command, "chat", "--reason", "a test").exit_code == 0
        states.append(ramp()["state"])
    assert states == ["running", "paused", "running", "aborted"]
    assert ramp()["last"][0]["what"] == "chat: its ramp was ended"
    assert {one["why"] for one in ramp()["last"][:3]} == {"a test"}


def test_a_ramp_that_runs_is_not_replaced(start):
    start()
    again = start()
    assert (again.exit_code, "`rollout abort` ends it" in again.stderr) == (2, True)


def test_what_was_never_started_cannot_be_steered(run):
    refused = run("pause", "chat")
    assert (refused.exit_code, "use `rollout start chat`" in refused.stderr) == (2, True)


def test_a_ramp_with_an_error_is_refused_with_its_line(run, tmp_path):
    (tmp_path / "ramp.toml").write_text(RAMP.replace("100", "1000"))
    refused = run("start", "chat", "--ramp", str(tmp_path / "ramp.toml"))
    assert (refused.exit_code, "ramp.toml:11" in refused.stderr) == (2, True)


def test_a_ramp_may_begin_with_a_cohort(run, tmp_path):
    (tmp_path / "ramp.toml").write_text('[[step]]\nstage = "dualwrite"\ncohort = "pilots"\n\n[cohorts]\npilots = ["acme"]\n')
    assert run("start", "chat", "--ramp", str(tmp_path / "ramp.toml")).exit_code == 0


def test_an_approval_is_of_a_person_and_counts_once(run, start, ramp, monkeypatch):
    start()
    for who in ("ada", "ada", "bob"):
        monkeypatch.setenv("SUDO_USER", who)
        assert run("approve", "chat").exit_code == 0
    assert [one.partition(" ")[0] for one in ramp()["approved_by"]] == ["ada", "bob"]


def test_a_ramp_that_was_rolled_back_is_a_finding(run, start, tmp_path):
    start()
    with closing(RolloutStore.of_settings(MigrationSettings(home=tmp_path))) as store:
        store.change(store.rollout("chat"), state="rolled back", why="1 comparison found somebody else's data.")
    shown = run("status")
    assert (shown.exit_code, "rolled back" in shown.stdout, "somebody else's data" in shown.stdout) == (1, True, True)


def test_a_rollback_that_is_being_written_is_shown_as_that(run, start, tmp_path):
    start()
    intent = Intent(id="1", what="roll back", stage=Stage.OFF, percent=100.0, version=1, reasons=("It diverges.",))
    with closing(RolloutStore.of_settings(MigrationSettings(home=tmp_path))) as store:
        store.change(store.rollout("chat"), intent=intent)
    assert "chat  rolling back" in run("status").stdout


def test_without_a_ramp_the_page_says_how_to_start_one_and_makes_nothing(run, tmp_path):
    shown = run("status")
    assert (shown.exit_code, "rollout start SURFACE" in shown.stderr) == (0, True)
    assert not (tmp_path / "evidence.db").exists()


def test_the_page_shows_steps_intervals_runs_and_what_is_waited_for():
    decision = {
        "what": "hold",
        "reasons": ["It waits for 1 approval."],
        "runs_needed": 120,
        "on": "2026-12-04",
        "intervals": [{"name": "All runs", "lower": 0.001, "upper": 0.031, "most": 0.02}],
        "recent": "." * 30 + "!" * 6,
        "at": 90.0,
    }
    rollout = Rollout(surface="chat", state="running", ramp_name="r.toml", ramp=RAMP, lasted_s=7200, looked_at=90.0, decision=decision)
    here = Position(Stage.DUALWRITE, 50.0)
    entry = Entry(kind="decision", surface="chat", what="chat: promoted to dualwrite 50 %", at=60.0)
    status = RampStatus(rollout=rollout, steps=["one", "two"], taken=0, position=here, since=50.0, approved_by=(), last=[entry])
    console = Console(width=110, record=True, file=StringIO())
    console.print(page([status], 100.0))
    text = console.export_text()
    for part in (
        "● one  ○ two",
        "watched for 2.0 h; looked at 10 s ago",
        "0.10 % to 3.10 %, 2.00 % allowed",
        "▁▁▁▁▁█",
        "It waits for 1 approval.",
    ):
        assert part in text
    assert "120 more runs like these, until 2026-12-04 at today's rate" in text
    assert "promoted to dualwrite 50 %" in text


def test_a_bar_shows_an_interval_beside_what_is_allowed():
    assert bar(0.0, 0.01, 0.02, 12) == "├─┤·┃·······"
    assert bar(0.03, 0.5, 0.02, 12) == "····┃·├────▶"


def test_a_sparkline_has_its_newest_runs_at_the_right():
    assert sparkline("......" + "!!!!!!") == "▁█"
    assert sparkline("") == ""
