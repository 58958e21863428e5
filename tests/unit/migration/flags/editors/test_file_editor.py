"""The flag file's editor: links and owners stay, no edit is lost, no reader sees half a file, and nobody else's text is touched."""

import fcntl
import json
import os
import subprocess
import sys
import threading

import pytest

from migration.errors import EditConflictError, FlagSourceError
from migration.flags.editors.file import FileEditor
from migration.flags.edits.surface_changes import pin, share
from migration.flags.edits.switch_changes import kill
from migration.flags.meaning.data import KILL_SWITCH
from migration.model import Stage

CHAT = "execution-engine-chat"
FOREIGN = '{"key": "theirs", "version": 3, "on":true , "variations": [1e3, 5.50], "fallthrough": {"variation": 1}, "salt": "y"}'
FILE = """{
  "$comment": "rules of other people stay",
  "flags": {
    "theirs": %s,
    "execution-engine-chat": {
      "key": "execution-engine-chat", "version": 7, "on": true,
      "variations": ["off", "dualwrite", "shadow", "live", "rampdown", "complete"],
      "offVariation": 0, "salt": "kept", "description": "h\\u00e9",
      "rules": [ { "id": "r1", "variation": 0, "clauses": [{"contextKind":"tenant","attribute":"plan","op":"in","values":["free"]}] } ],
      "fallthrough": {"rollout": {"contextKind": "tenant", "seed": 61, "variations": [{"variation": 0, "weight": 100000}]}}
    }
  }
}
"""
FILE = FILE % FOREIGN


@pytest.fixture
def editor(tmp_path):
    (tmp_path / "flags.json").write_text(FILE, encoding="utf-8")
    return FileEditor(tmp_path / "flags.json")


def to_dualwrite(editor):
    read = editor.read()
    return editor.write(read, CHAT, share(read.data.live(CHAT), "chat", Stage.DUALWRITE), comment="")


def test_only_the_edited_members_of_one_flag_change(editor):
    to_dualwrite(editor)
    assert editor.path.read_text(encoding="utf-8") == FILE.replace('"version": 7', '"version": 8').replace(
        '[{"variation": 0, "weight": 100000}]', '[{"variation": 0, "weight": 0}, {"variation": 1, "weight": 100000}]'
    )


def test_what_was_written_is_read_back(editor):
    written = to_dualwrite(editor)
    assert written.data == editor.read().data
    assert written.data.flags[CHAT]["version"] == 8


def test_without_a_file_there_are_no_flags_and_the_first_edit_makes_folder_and_file(tmp_path):
    editor = FileEditor(tmp_path / "var" / "flags.json")
    assert (editor.read().data.version, editor.read().raw) == (0, None)
    to_dualwrite(editor)
    assert editor.read().data.flags[CHAT]["version"] == 1


@pytest.mark.parametrize(
    "whole",
    [
        {"flags": {}, "segments": {}},
        {"data": {"flags": {CHAT: json.loads(FILE)["flags"][CHAT]}, "segments": {}}},
        {"flags": [json.loads(FOREIGN), json.loads(FILE)["flags"][CHAT]], "segments": []},
        {"flagValues": {"other": True}},
        {"flagValues": {CHAT: "off", "other": True}},
    ],
    ids=["latest-all", "stream put", "lists", "flagValues", "flagValues of this flag"],
)
def test_a_file_keeps_its_form(tmp_path, whole):
    path = tmp_path / "flags.json"
    path.write_text(json.dumps(whole))
    flag = share(None, "chat", Stage.DUALWRITE)
    written = FileEditor(path).write(FileEditor(path).read(), CHAT, flag, comment="")
    assert written.data.flags[CHAT]["fallthrough"] == flag["fallthrough"]
    assert json.loads(path.read_bytes()).keys() >= whole.keys()
    assert not written.problems


def test_a_link_stays_a_link_and_the_lock_lies_beside_the_real_file(tmp_path):
    shared, home = tmp_path / "shared", tmp_path / "home"
    shared.mkdir()
    home.mkdir()
    (shared / "flags.json").write_text(FILE, encoding="utf-8")
    (home / "flags.json").symlink_to("../shared/flags.json")
    to_dualwrite(FileEditor(home / "flags.json"))
    assert (home / "flags.json").is_symlink()
    assert json.loads((shared / "flags.json").read_bytes())["flags"][CHAT]["version"] == 8
    assert (sorted(path.name for path in home.iterdir()), (shared / "flags.json.lock").exists()) == (["flags.json"], True)


def test_in_a_folder_like_a_config_map_the_file_behind_both_links_is_edited(tmp_path):
    for name, version in (("..old", 7), ("..new", 20)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags.json").write_text(FILE.replace('"version": 7', f'"version": {version}'), encoding="utf-8")
    (tmp_path / "..data").symlink_to("..old")
    (tmp_path / "flags.json").symlink_to("..data/flags.json")
    editor = FileEditor(tmp_path / "flags.json")
    to_dualwrite(editor)
    assert json.loads((tmp_path / "..old" / "flags.json").read_bytes())["flags"][CHAT]["version"] == 8
    stale = editor.read()
    (tmp_path / "..swap").symlink_to("..new")
    (tmp_path / "..swap").rename(tmp_path / "..data")
    with pytest.raises(EditConflictError, match="version 8 -> 20"):
        editor.write(stale, CHAT, pin(stale.data.live(CHAT), "chat", "acme", Stage.DUALWRITE), comment="")


def test_a_circle_of_links_is_named(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FlagSourceError, match="circle"):
        FileEditor(tmp_path / "a").read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner_group_and_mode_stay_when_root_edits_and_the_owner_can_lock_it_later(editor):
    os.chown(editor.path, 1000, 1001)
    editor.path.chmod(0o600)
    to_dualwrite(editor)
    for path in (editor.path, editor.path.with_name("flags.json.lock")):
        assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (1000, 1001, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_first_file_made_by_root_belongs_to_whom_its_folder_does(tmp_path):
    os.chown(tmp_path, 1000, 1001)
    to_dualwrite(FileEditor(tmp_path / "flags.json"))
    assert {(path.stat().st_uid, path.stat().st_gid) for path in tmp_path.iterdir()} == {(1000, 1001)}


def test_an_editor_that_cannot_keep_the_owner_is_refused(editor, monkeypatch):
    def refuse(handle, uid, gid):
        raise PermissionError(1, "Operation not permitted")

    mine = os.stat_result
    monkeypatch.setattr(os, "fchown", refuse)
    monkeypatch.setattr("migration.flags.editors.file.os.fstat", lambda handle: mine((0o100600, 1, 1, 1, 4242, 4242, 0, 0, 0, 0)))
    from migration.flags.editors.file import _replace

    with pytest.raises(FlagSourceError, match="run this command as its owner or as root; nothing was changed"):
        _replace(editor.path, b"{}")
    assert editor.path.read_text(encoding="utf-8") == FILE


def test_permissions_of_the_file_stay(editor):
    editor.path.chmod(0o640)
    to_dualwrite(editor)
    assert editor.path.stat().st_mode & 0o777 == 0o640


def test_a_file_with_two_names_is_refused(editor):
    os.link(editor.path, editor.path.with_name("other"))
    with pytest.raises(FlagSourceError, match="hard links"):
        to_dualwrite(editor)
    assert editor.path.read_text(encoding="utf-8") == FILE


def test_of_two_operators_one_wins_and_the_other_is_told_what_changed(editor):
    mine, theirs = editor.read(), editor.read()
    editor.write(theirs, CHAT, pin(theirs.data.live(CHAT), "chat", "acme", Stage.OFF), comment="")
    with pytest.raises(EditConflictError, match=r"execution-engine-chat: version 7 -> 8, other contextTargets"):
        editor.write(mine, CHAT, share(mine.data.live(CHAT), "chat", Stage.DUALWRITE), comment="")
    assert editor.read().data.flags[CHAT]["contextTargets"] == [{"contextKind": "tenant", "variation": 0, "values": ["acme"]}]


def test_a_flag_that_cannot_be_taken_does_not_keep_another_from_being_edited(tmp_path):
    path = tmp_path / "flags.json"
    path.write_text('{"flags": {"execution-engine-tools": {"version": 9, "rules": "spoiled"}}}')
    editor = FileEditor(path)
    read = editor.read()
    written = editor.write(read, KILL_SWITCH, kill(None, True, None, ["chat"]), comment="")
    assert [problem.key for problem in written.problems] == ["execution-engine-tools"]
    assert KILL_SWITCH in written.data.flags
    assert '{"version": 9, "rules": "spoiled"}' in path.read_text()


def test_a_flag_that_takes_the_place_of_a_spoiled_one_has_a_higher_version(tmp_path):
    path = tmp_path / "flags.json"
    path.write_text(json.dumps({"flags": {KILL_SWITCH: {"version": 9, "rules": "spoiled"}}}))
    written = FileEditor(path).write(FileEditor(path).read(), KILL_SWITCH, kill(None, True, None, ["chat"]), comment="")
    assert written.data.flags[KILL_SWITCH]["version"] == 10


def test_a_failing_write_leaves_the_old_file_and_no_leftovers(editor, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FlagSourceError, match="No space left on device"):
        to_dualwrite(editor)
    assert editor.path.read_text(encoding="utf-8") == FILE
    assert sorted(path.name for path in editor.path.parent.iterdir()) == ["flags.json", "flags.json.lock"]


EDIT_AND_DIE = """
import os, signal, sys
from pathlib import Path
import migration.flags.editors.file as file
from migration.flags.edits.surface_changes import pin
from migration.model import Stage
die = lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL)
{break_it}
editor = file.FileEditor(Path(sys.argv[1]))
read = editor.read()
editor.write(read, "execution-engine-chat", pin(read.data.live("execution-engine-chat"), "chat", "acme", Stage.OFF), comment="")
"""


@pytest.mark.parametrize("break_it", ["file._with_flag = die", "file._keep_owner = die", "os.fsync = die", "Path.replace = die"])
def test_an_editor_that_is_killed_half_way_leaves_the_old_file_whole_and_the_next_one_free(editor, break_it):
    script = EDIT_AND_DIE.format(break_it=break_it)
    died = subprocess.run([sys.executable, "-c", script, str(editor.path)], check=False, capture_output=True, timeout=120)
    assert (died.returncode, editor.path.read_text(encoding="utf-8")) == (-9, FILE), died.stderr.decode()
    to_dualwrite(editor)
    assert editor.read().data.flags[CHAT]["version"] == 8


def test_an_editor_that_never_lets_go_is_named(editor):
    ticks = iter([0.0, 11.0])
    impatient = FileEditor(editor.path, lock_timeout_s=10.0, clock=lambda: next(ticks))
    with editor.path.with_name("flags.json.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FlagSourceError, match="another edit has been in progress for 10 s"):
            to_dualwrite(impatient)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "a part of it may be missing"), ("", "empty"), ("[]", "neither"), ('{"flags": 3}', "not an object")]
)
def test_a_file_that_cannot_be_read_is_left_alone(tmp_path, text, message):
    path = tmp_path / "flags.json"
    path.write_text(text)
    with pytest.raises(FlagSourceError, match=message):
        FileEditor(path).read()
    assert path.read_text() == text


def test_a_folder_and_a_named_pipe_are_no_flag_files(tmp_path):
    with pytest.raises(FlagSourceError, match="Is a directory"):
        FileEditor(tmp_path).read()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FlagSourceError, match="not a regular file"):
        FileEditor(tmp_path / "pipe").read()


def test_a_reader_never_sees_half_a_file(editor):
    done = threading.Event()
    broken = []

    def read():
        while not done.is_set():
            try:
                json.loads(editor.path.read_bytes())
            except ValueError as error:
                broken.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        found = editor.read()
        editor.write(found, CHAT, pin(found.data.live(CHAT), "chat", f"tenant-{number}", Stage.OFF), comment="")
    done.set()
    reader.join()
    assert broken == []
