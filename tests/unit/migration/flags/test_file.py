"""The flag file on disk: no edit is lost, no reader sees half a file, nothing is written over what cannot be read."""

import fcntl
import subprocess
import sys
import threading

import pytest

from migration.errors import FlagSourceError
from migration.flags.file import FlagFile
from migration.flags.ramp import pin, share
from migration.model import Stage

PIN_IN_A_PROCESS = """
import sys
from pathlib import Path
from migration.flags.file import FlagFile
from migration.flags.ramp import pin
from migration.model import Stage
file = FlagFile(Path(sys.argv[1]), ["chat"], lock_timeout_s=60)
for number in range(20):
    file.edit(lambda document: document.with_surface(pin(document.surfaces["chat"], f"{sys.argv[2]}-{number}", Stage.OFF)))
"""


@pytest.fixture
def file(tmp_path):
    return FlagFile(tmp_path / "new" / "flags.json", ["chat"])


def to_dualwrite(document):
    return document.with_surface(share(document.surfaces["chat"], Stage.DUALWRITE))


def test_without_a_file_everybody_is_at_off(file):
    assert (file.read().version, file.read().surfaces["chat"].percents()[Stage.OFF]) == (0, 100.0)


def test_the_first_edit_makes_the_folder_and_the_file(file):
    edit = file.edit(to_dualwrite)
    assert edit.after.raw == file.read().raw
    assert (edit.before.version, file.read().surfaces["chat"].percents()[Stage.DUALWRITE]) == (0, 100.0)


def test_edits_of_several_processes_are_all_there(file):
    file.edit(to_dualwrite)
    editors = [subprocess.Popen([sys.executable, "-c", PIN_IN_A_PROCESS, str(file.path), name]) for name in ("a", "b", "c")]
    assert [editor.wait(60) for editor in editors] == [0, 0, 0]
    flag = file.read().surfaces["chat"]
    assert (len(flag.pins), flag.version) == (60, 61)


def test_a_reader_never_sees_half_a_file(file):
    file.edit(to_dualwrite)
    done = threading.Event()
    broken: list[Exception] = []

    def read():
        while not done.is_set():
            try:
                file.read()
            except FlagSourceError as error:
                broken.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        tenant = f"tenant-{number}"
        file.edit(lambda document, tenant=tenant: document.with_surface(pin(document.surfaces["chat"], tenant, Stage.OFF)))
    done.set()
    reader.join()
    assert broken == []


def test_a_file_that_cannot_be_parsed_is_left_alone(file):
    file.path.parent.mkdir()
    file.path.write_bytes(b'{"flags": {')
    with pytest.raises(FlagSourceError, match="nothing was changed"):
        file.edit(to_dualwrite)
    assert file.path.read_bytes() == b'{"flags": {'


def test_an_edit_that_raises_changes_nothing_and_leaves_no_files(file):
    file.edit(to_dualwrite)
    before = file.path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        file.edit(lambda _document: 1 / 0)
    assert file.path.read_bytes() == before
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["flags.json", "flags.json.lock"]


def test_a_failing_write_leaves_the_old_file_and_no_leftovers(file, monkeypatch):
    file.edit(to_dualwrite)
    before = file.path.read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FlagSourceError, match="No space left on device"):
        file.edit(lambda document: document.with_sampling(1.0))
    assert file.path.read_bytes() == before
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["flags.json", "flags.json.lock"]


def test_an_edit_that_changes_nothing_does_not_touch_the_file(file):
    file.edit(to_dualwrite)
    before = file.path.stat()
    file.edit(to_dualwrite)
    assert (file.path.stat().st_ino, file.path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_editor_that_never_lets_go_is_named(file):
    file.edit(to_dualwrite)
    ticks = iter([0.0, 11.0])
    impatient = FlagFile(file.path, ["chat"], lock_timeout_s=10.0, clock=lambda: next(ticks))
    with file.path.with_name("flags.json.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FlagSourceError, match="another edit is under way for 10 s"):
            impatient.edit(to_dualwrite)


def test_permissions_of_the_file_stay(file):
    file.edit(to_dualwrite)
    file.path.chmod(0o640)
    file.edit(lambda document: document.with_sampling(1.0))
    assert file.path.stat().st_mode & 0o777 == 0o640


def test_a_path_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(FlagSourceError, match="Is a directory"):
        FlagFile(tmp_path, ["chat"]).read()
