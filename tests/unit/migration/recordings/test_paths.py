"""Files of recordings: one that is named, or those of a folder."""

import pytest

from migration.errors import RecordingError
from migration.recordings.paths import files_of, size_of


def test_a_folder_stands_for_its_files_of_a_suitable_ending(tmp_path):
    for name in ("b.jsonl", "a.JSON.gz", "deep/c.ndjson.zst", "d.txt", ".hidden/e.jsonl", "deep/.f.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = files_of(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.JSON.gz", "b.jsonl", "deep/c.ndjson.zst"]
    assert size_of(found) == 3


def test_a_file_that_is_named_is_read_whatever_its_ending(tmp_path):
    (tmp_path / "log").touch()
    assert files_of(tmp_path / "log") == [tmp_path / "log"]


@pytest.mark.parametrize(("name", "why"), [("gone", "No such file"), (".", "name the files themselves")])
def test_what_has_no_recording_is_refused(tmp_path, name, why):
    with pytest.raises(RecordingError, match=why):
        files_of(tmp_path / name)


def test_a_pipe_has_no_size(tmp_path):
    assert size_of([tmp_path / "gone"]) is None
