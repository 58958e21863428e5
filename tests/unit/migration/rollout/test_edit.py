"""A proved edit from reading to history: two operators, processes that follow or do not, run stores that lack a history."""

import os
import time
from contextlib import nullcontext

import pytest

from migration.errors import EditConflictError, FlagSourceError, UnprovenEditError
from migration.flags.meaning.data import surface_flag_key
from migration.history import History
from migration.model import Stage
from migration.processes.control import ControlServer, control_folder
from migration.processes.identity import birth, this_host
from migration.processes.row import ProcessRow
from migration.processes.table import ProcessTable
from migration.rollout.edit import Edits, repeated
from migration.settings import MigrationSettings

CHAT, BATCH = surface_flag_key("chat"), surface_flag_key("batch")


@pytest.fixture
def settings(tmp_path):
    return MigrationSettings(home=tmp_path, surfaces=("chat", "batch"), stores="")


@pytest.fixture
def edits(settings):
    with Edits(settings, wait_s=0.0) as edits:
        yield edits


@pytest.fixture
def process(settings):
    """Write what a serving process would tell of itself."""
    table = ProcessTable(settings.evidence())

    def process(**told):
        own = {
            "host": this_host(),
            "pid": os.getpid(),
            "birth": birth(os.getpid()),
            "started_at": time.time(),
            "code_version": "1",
            "said_at": time.time(),
        }
        table.beat([ProcessRow(process_id="a" * 32, role="server", **(own | told))])

    yield process
    table.close()


def entries(settings):
    log = History.reading(settings)
    try:
        return log.entries()
    finally:
        log.close()


def test_of_two_operators_one_wins_and_the_other_is_told_what_changed(edits):
    mine, theirs = edits.pin("chat", "acme", Stage.DUALWRITE), edits.share("chat", Stage.DUALWRITE, 10.0)
    edits.write(theirs)
    with pytest.raises(EditConflictError, match="execution-engine-chat: is new"):
        edits.write(mine)
    assert edits.editor.read().data.flags[CHAT]["version"] == 1


def test_an_edit_that_met_another_flags_edit_is_proved_anew_and_written(edits):
    first = iter([edits.pin("chat", "acme", Stage.DUALWRITE)])
    edits.write(edits.share("batch", Stage.DUALWRITE))
    preview, written = repeated(lambda: next(first, None) or edits.pin("chat", "acme", Stage.DUALWRITE), edits.write)
    assert set(written.read.data.flags) == {CHAT, BATCH}
    assert BATCH in preview.read.data.flags


def test_an_edit_that_met_an_edit_of_the_same_flag_is_left_to_the_operator(edits):
    first = iter([edits.pin("chat", "acme", Stage.DUALWRITE)])
    edits.write(edits.share("chat", Stage.DUALWRITE))
    with pytest.raises(EditConflictError):
        repeated(lambda: next(first, None) or edits.pin("chat", "acme", Stage.DUALWRITE), edits.write)


def test_what_is_not_proved_is_not_written(edits):
    with pytest.raises(UnprovenEditError, match="skips a stage"):
        edits.write(edits.share("chat", Stage.LIVE))
    assert edits.editor.read().raw is None


@pytest.mark.parametrize(("version", "refused"), [(None, False), (0, False), (7, True)])
def test_flags_that_are_gone_are_not_begun_anew_while_processes_follow_them(edits, settings, version, refused):
    row = ProcessRow(
        process_id="a" * 32,
        role="server",
        host="h",
        pid=1,
        birth="b",
        started_at=1.0,
        code_version="1",
        said_at=1.0,
        flags_version=version,
    )
    server = ControlServer(control_folder(settings.home), lambda: row)
    server.start()
    try:
        with pytest.raises(FlagSourceError, match="follow version 7 of them; restore it") if refused else nullcontext():
            edits.share("chat", Stage.DUALWRITE)
    finally:
        server.stop()


def test_runs_under_way_come_from_the_processes(edits, process):
    process(runs={"chat": 3, "batch": 1})
    assert edits.share("chat", Stage.DUALWRITE).runs == 3


def test_without_a_process_nothing_is_said_of_runs(edits):
    assert edits.share("chat", Stage.DUALWRITE).runs is None


def test_an_edit_says_and_keeps_what_the_processes_do(edits, process, settings):
    process(flags_version=1, flags_source="file")
    written = edits.write(edits.share("chat", Stage.DUALWRITE), reason="first step")
    assert written.confirmation.holds
    assert entries(settings)[0].seen.startswith("1 of 1 processes follow")
    behind = edits.write(edits.share("chat", Stage.SHADOW, 10.0))
    assert not behind.confirmation.holds
    assert "not confirmed: 0 of 1 processes follow" in entries(settings)[0].seen


def test_a_stage_whose_history_was_never_copied_is_refused_with_the_command_to_run(tmp_path):
    settings = MigrationSettings(home=tmp_path, surfaces=("chat",))
    with Edits(settings, wait_s=0.0) as edits:
        edits.write(edits.share("chat", Stage.DUALWRITE))
        (problem,) = edits.share("chat", Stage.SHADOW, 10.0).problems
    assert problem.startswith("`shadow` needs the thread history in the user store")
    assert "run `netra-migration backfill chat --to user` first" in problem


def test_a_tenant_named_in_the_history_can_be_erased_from_it(edits, settings):
    edits.write(edits.pin("chat", "acme", Stage.DUALWRITE))
    assert entries(settings)[0].what == f"{CHAT}: acme: off -> dualwrite"
    log = History.of_settings(settings)
    log.forget_tenant("acme")
    log.close()
    assert "acme" not in entries(settings)[0].what
