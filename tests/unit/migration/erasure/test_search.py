"""An id is found in whatever file holds it."""

import os

import pytest

from migration.erasure.search import _CHUNK, files_below, found_in


@pytest.mark.parametrize("before", [0, 10, _CHUNK - 3, _CHUNK, 2 * _CHUNK - 1])
def test_an_id_is_found_wherever_it_lies_across_chunks_too(tmp_path, before):
    file = tmp_path / "a"
    file.write_bytes(b"." * before + b"needle" + b"." * 5)
    assert found_in([file], [b"other", b"needle"]) == (1, [file])


def test_a_file_without_it_is_searched_and_not_a_hit(tmp_path):
    (tmp_path / "a").write_bytes(b"needl" * 9)
    assert found_in([tmp_path / "a"], [b"needle"]) == (1, [])


def test_a_file_that_is_gone_meanwhile_was_not_searched(tmp_path):
    assert found_in([tmp_path / "gone"], [b"x"]) == (0, [])


def test_files_below_a_folder_are_regular_ones_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/one", "a", "b/.hidden"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == ["a", "b/.hidden", "b/one"]
    assert list(files_below(tmp_path / "gone")) == []
