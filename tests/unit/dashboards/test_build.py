"""The committed JSON is what the Python builds."""

import pytest

from dashboards import build


def test_every_file_of_the_folder_is_built_here():
    assert {path.name for path in build.FOLDER.iterdir()} == build.BOARDS.keys()


@pytest.mark.parametrize("name", build.BOARDS)
def test_the_committed_file_is_what_is_built(name):
    assert (build.FOLDER / name).read_text(encoding="utf-8") == build.text(name)


@pytest.mark.parametrize("name", build.BOARDS)
def test_building_twice_gives_the_same_text(name):
    assert build.text(name) == build.text(name)
