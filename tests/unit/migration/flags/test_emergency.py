"""The emergency kill switch is a file: there or not there, and nothing else."""

import threading

from migration.flags.emergency import EmergencySwitch


def test_it_is_on_while_the_file_is_there(tmp_path, caplog):
    path, heard, came = tmp_path / "switch", [], threading.Event()
    switch = EmergencySwitch(path, lambda: (heard.append(switch.on), came.set()), poll_s=0.01)
    switch.start()
    path.write_text("whatever")
    assert came.wait(20)
    came.clear()
    path.unlink()
    assert came.wait(20)
    switch.close()
    assert heard == [True, False]
    assert "control serves on this host until it is removed" in caplog.text


def test_it_is_on_from_the_start_and_a_link_to_nowhere_is_enough(tmp_path):
    (tmp_path / "switch").symlink_to("nowhere")
    assert EmergencySwitch(tmp_path / "switch", lambda: None).on


def test_a_folder_that_is_not_there_is_not_on(tmp_path):
    assert not EmergencySwitch(tmp_path / "none" / "switch", lambda: None).on


def test_a_folder_that_cannot_be_looked_into_changes_nothing(tmp_path, monkeypatch, caplog):
    path = tmp_path / "switch"
    path.touch()
    switch = EmergencySwitch(path, lambda: None)

    def refuse(_self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.lstat", refuse)
    assert (switch._look(), switch.on, "cannot be checked" in caplog.text) == (False, True, True)
