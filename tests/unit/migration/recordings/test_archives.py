"""Archives of samples: what each member holds, or what is wrong with it."""

import zipfile

import pytest

from migration.errors import RecordingError
from migration.recordings.archives import DAMAGED, is_archive, samples


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path


def test_samples_are_given_in_order_with_their_names(tmp_path):
    path = archive(
        tmp_path / "a.eval", {"header.json": "{}", "samples/b.json": '{"n": 1}', "samples/a.json": "{}", "samples/notes.txt": ""}
    )
    assert is_archive(path)
    assert list(samples(path)) == [("b", b'{"n": 1}'), ("a", b"{}")]


def test_a_member_that_is_damaged_is_given_with_what_is_wrong_and_the_others_are_read(tmp_path):
    path = archive(tmp_path / "a.eval", {"samples/a.json": "x" * 99, "samples/b.json": "{}"})
    data = bytearray(path.read_bytes())
    data[30 + len("samples/a.json")] ^= 0xFF
    path.write_bytes(data)
    (name, error), good = samples(path)
    assert (name, isinstance(error, DAMAGED), good) == ("a", True, ("b", b"{}"))


def test_another_archive_says_to_unpack_it(tmp_path):
    with pytest.raises(RecordingError, match="not a log of inspect-ai; unpack it"):
        list(samples(archive(tmp_path / "a.zip", {"readme.txt": ""})))


@pytest.mark.parametrize("name", ["gone", "text", "."])
def test_what_does_not_begin_like_an_archive_is_none(tmp_path, name):
    (tmp_path / "text").write_text("{}")
    assert not is_archive(tmp_path / name)
