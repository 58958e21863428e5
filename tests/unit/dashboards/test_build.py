"""The committed JSON is what the Python builds."""

import pytest

from dashboards import build


@pytest.fixture
def folder(tmp_path):
    build.write(tmp_path)
    return tmp_path


def test_the_committed_files_are_what_is_built():
    assert build.stale() == []


def test_check_accepts_files_that_were_just_built(folder):
    assert build.main(["--check"], folder) == 0


@pytest.mark.parametrize("damage", ["edited", "missing", "unknown"])
def test_check_names_the_file_that_differs_and_leaves_it_alone(folder, capsys, damage):
    path = folder / ("unknown.json" if damage == "unknown" else "rollout.json")
    if damage == "missing":
        path.unlink()
    else:
        path.write_text("{}\n", encoding="utf-8")

    assert build.main(["--check"], folder) == 1
    assert path.name in capsys.readouterr().err
    assert path.exists() == (damage != "missing")


def test_building_repairs_what_differs_and_removes_what_nothing_builds(folder):
    (folder / "rollout.json").write_text("{}\n", encoding="utf-8")
    (folder / "old.json").write_text("{}\n", encoding="utf-8")

    assert build.main([], folder) == 0
    assert build.stale(folder) == []


def test_building_twice_gives_the_same_text():
    assert build.files() == build.files()
