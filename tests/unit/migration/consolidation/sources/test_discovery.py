import os
import socket
from pathlib import Path

import pytest

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.sources import discovery
from migration.consolidation.sources.discovery import SourceTree, discover


@pytest.fixture
def find(tmp_path, configuration):
    def find(**changes) -> SourceTree:
        return discover(tmp_path, AuditConfiguration(base=configuration.base, explicit=False, **changes))

    return find


def _write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _python(tree: SourceTree) -> list[str]:
    return [file.path for file in tree.python]


def _problems(tree: SourceTree) -> dict[str, str]:
    return {problem.path: problem.kind for problem in tree.problems}


def test_files_are_sorted_and_told_apart_by_kind(tmp_path, find):
    for name in ("b.py", "a/c.pyi", "a/d.toml", "Makefile", "Dockerfile.dev", "README.md", "notes.rst", "data.bin"):
        _write(tmp_path / name)
    tree = find()
    assert _python(tree) == ["a/c.pyi", "b.py"]
    assert [file.path for file in tree.configuration] == ["Dockerfile.dev", "Makefile", "a/d.toml"]
    assert [file.path for file in tree.documents] == ["README.md", "notes.rst"]


def test_a_link_to_a_folder_around_it_is_reported_and_not_followed(tmp_path, find):
    _write(tmp_path / "pkg/a.py")
    (tmp_path / "pkg/again").symlink_to(tmp_path)
    tree = find()
    assert _python(tree) == ["pkg/a.py"]
    assert _problems(tree) == {"pkg/again": "symlink-loop"}


def test_a_link_to_itself_is_reported(tmp_path, find):
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    assert _problems(find()) == {"self.py": "symlink-loop"}


def test_a_link_to_nothing_is_reported(tmp_path, find):
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert _problems(find()) == {"gone.py": "unreadable"}


def test_what_is_linked_inside_of_the_tree_is_found_once_and_under_its_real_path(tmp_path, find):
    _write(tmp_path / "real/a.py")
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    (tmp_path / "b.py").symlink_to(tmp_path / "real/a.py")
    tree = find()
    assert (_python(tree), tree.problems) == (["real/a.py"], [])


def test_what_is_linked_from_outside_is_found_once(tmp_path, tmp_path_factory, find):
    outside = tmp_path_factory.mktemp("outside")
    _write(outside / "a.py")
    (tmp_path / "one").symlink_to(outside)
    (tmp_path / "two").symlink_to(outside)
    assert [path.rpartition("/")[2] for path in _python(find())] == ["a.py"]


@pytest.mark.parametrize("name", ["pipe.py", "socket.py"])
def test_a_pipe_or_a_socket_is_reported_and_not_read(tmp_path, find, name, monkeypatch):
    if name == "pipe.py":
        os.mkfifo(tmp_path / name)
    else:
        monkeypatch.chdir(tmp_path)  # a socket's address may have 108 bytes at most
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
    assert _problems(find()) == {name: "not-regular"}


def test_a_name_that_is_not_utf8_is_reported_in_a_form_that_can_be_printed(tmp_path, find):
    (tmp_path / os.fsdecode(b"k\xf6ln.py")).write_text("")
    assert _problems(find()) == {"k\\xf6ln.py": "file-name"}


def test_a_file_that_is_too_large_for_source_is_reported(tmp_path, find, monkeypatch):
    monkeypatch.setattr(discovery, "MAX_BYTES", 10)
    _write(tmp_path / "table.py", "x" * 11)
    assert _problems(find()) == {"table.py": "too-large"}


@pytest.mark.parametrize("folder", [".git", ".venv", "node_modules", "__pycache__", "build", "dist"])
def test_folders_that_are_no_source_are_left_out(tmp_path, find, folder):
    _write(tmp_path / folder / "a.py")
    assert _python(find()) == []


def test_an_environment_is_left_out_whatever_it_is_called(tmp_path, find):
    _write(tmp_path / "mine/pyvenv.cfg")
    _write(tmp_path / "mine/lib/a.py")
    assert _python(find()) == []


def test_a_package_called_build_is_source(tmp_path, find):
    _write(tmp_path / "pkg/build/__init__.py")
    assert _python(find()) == ["pkg/build/__init__.py"]


@pytest.mark.parametrize("pattern", ["pkg/generated", "pkg/gen*", "*/generated"])
def test_excluded_folders_are_left_out(tmp_path, find, pattern):
    _write(tmp_path / "pkg/generated/a.py")
    _write(tmp_path / "pkg/b.py")
    assert _python(find(exclude=(pattern,))) == ["pkg/b.py"]


def test_exclusions_hold_below_the_configured_folder_when_a_part_of_it_is_audited(tmp_path, configuration):
    _write(tmp_path / "pkg/generated/a.py")
    part = AuditConfiguration(base=configuration.base, explicit=False, exclude=("pkg/generated",))
    assert _python(discover(tmp_path / "pkg", part)) == []
