"""Whether a running process still has control."""

from contextlib import closing

import pytest
from sqlalchemy import update

from migration.consolidation.removal.readiness.processes import processes
from migration.processes import ProcessTable, Told, Unreadable
from migration.processes.tables import processes as table_of_processes
from tests.unit.migration.consolidation.removal.conftest import make_row


def told(state="live", **known):
    return Told(row=make_row(**({"host": "h", "pid": 7} | known)), age_s=1.0, state=state, noted=False)


@pytest.mark.parametrize("role", ["server", "worker"])
@pytest.mark.parametrize("state", ["live", "silent"])
def test_a_process_that_may_run_and_has_control_is_named(state, role):
    found = processes("chat", [told(state, role=role, surfaces=["chat"])], [])
    assert not found.met
    assert f"1 running process has control ({role} 7 on h); deploy a build without it" in found.detail
    assert found.evidence["with_control"][0]["code_version"] == "1+abc"


def test_the_stages_are_named_at_which_it_still_serves_tenants():
    shares = {"chat": {"live": 2.0, "complete": 98.0}}
    assert "server 7 on h, at `live`" in processes("chat", [told(surfaces=["chat"], shares=shares)], []).detail


@pytest.mark.parametrize("state", ["stopped", "died", "lost"])
def test_a_process_that_ended_has_no_control_any_more(state):
    found = processes("chat", [told(state, surfaces=["chat"])], [])
    assert found.met
    assert found.evidence["ended"] == 1


def test_a_process_that_runs_without_control_of_this_surface_is_no_reason():
    found = processes("chat", [told(surfaces=["tools"]), told("stopped", surfaces=["chat"])], [])
    assert found.met
    assert found.detail == "No running process has control: 1 run without it; 1 ended in the last seven days."


def test_without_a_report_nothing_was_looked_at():
    found = processes("chat", [], [])
    assert not found.met
    assert "No process has reported in the last seven days" in found.detail


def test_a_report_that_cannot_be_read_may_be_of_a_process_with_control():
    found = processes("chat", [told(surfaces=[])], [Unreadable(host="h", pid=8)])
    assert not found.met
    assert "process 8 on h" in found.detail


def test_the_table_names_running_processes_whose_reports_cannot_be_read(tmp_path):
    with closing(ProcessTable(f"sqlite:///{tmp_path / 'evidence.db'}")) as table:
        table.beat([make_row(), make_row(process_id="b" * 32)])
        table.ended(["b" * 32], "stopped")
        with table.database.transaction("write") as connection:
            connection.execute(update(table_of_processes).values(row="{}"))
        assert table.told() == []
        assert [one.pid for one in table.unreadable()] == [make_row().pid]
