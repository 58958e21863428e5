"""A second run finds what the first found, sooner; whatever changed is seen, and a cache that is broken costs time only."""

import gc
import logging
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from migration.consolidation.auditing import audit
from migration.consolidation.inventory import Inventory
from migration.consolidation.sources.discovery import SourceFile
from migration.consolidation.sources.store import Store
from migration.consolidation.sources.workers import Workers

DAY_NS = 86_400 * 10**9
USER = "from pkg.engine import ExecutionEngine\nx = 1\n"


@pytest.fixture
def read_files(monkeypatch) -> list[str]:
    """What the workers were given to scan or to read, in order."""
    given: list[str] = []
    scan, read = Workers.scan, Workers.read
    monkeypatch.setattr(Workers, "scan", lambda self, paths, words, **how: given.extend(paths) or scan(self, paths, words, **how))
    monkeypatch.setattr(Workers, "read", lambda self, paths, question: given.extend(paths) or read(self, paths, question))
    return given


@pytest.fixture
def run(tmp_path_factory, configuration):
    """Audit with a cache, a day after all files were written."""
    cache = tmp_path_factory.mktemp("cache")

    def run(root: Path, *, cache: Path | None = cache) -> Inventory:
        return audit(root, configuration=configuration, cache=cache, now_ns=lambda: time.time_ns() + DAY_NS)

    run.cache = cache
    return run


@pytest.fixture
def root(write_tree) -> Path:
    return write_tree({"pkg/user.py": USER, "pkg/plain.py": "x = 1\n", "settings.toml": 'engine = "pkg.engine"\n'})


def test_a_second_run_reads_nothing_and_finds_the_same(run, root, read_files):
    first = run(root)
    read_files.clear()
    assert run(root) == first
    assert read_files == []


def test_a_changed_file_is_read_again_and_no_other(run, root, read_files):
    run(root)
    (root / "pkg/user.py").write_text("\n" + USER)
    read_files.clear()
    assert [item.line for item in run(root).imports] == [2]
    assert set(read_files) == {"pkg/user.py"}


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "pkg/more.py").write_text(USER),
        lambda root: (root / "pkg/user.py").unlink(),
        lambda root: (root / "settings.toml").write_text('engine = "pkg.engine:ExecutionEngine"\nother = "pkg.engine"\n'),
        lambda root: (root / "pkg/user.py").rename(root / "pkg/renamed.py"),
        lambda root: (root / "pkg/loop").symlink_to(root),
    ],
    ids=["new file", "deleted file", "changed configuration file", "renamed file", "new problem"],
)
def test_every_change_is_seen(run, root, change, configuration):
    run(root)
    change(root)
    assert run(root) == audit(root, configuration=configuration)


@pytest.mark.parametrize("change", [{}, {"size": 2}, {"changed_ns": 2}, {"inode": 2}], ids=["nothing", "size", "time", "inode"])
def test_a_files_content_is_known_while_its_status_stays_the_same(tmp_path, change):
    file = SourceFile(path="a.py", size=1, changed_ns=1, inode=1)
    Store(tmp_path, tmp_path, DAY_NS).remember_contents({"a.py": (file, "digest")})
    assert Store(tmp_path, tmp_path, DAY_NS).content(replace(file, **change)) == (None if change else "digest")


@pytest.mark.parametrize(("age_ns", "known"), [(1_000_000_000, None), (3_000_000_000, "digest")])
def test_a_file_that_was_written_just_before_is_read_again(tmp_path, age_ns, known):
    """As in git's index: it may change once more within the resolution of its time stamp."""
    file = SourceFile(path="a.py", size=1, changed_ns=DAY_NS - age_ns, inode=1)
    Store(tmp_path, tmp_path, DAY_NS).remember_contents({"a.py": (file, "digest")})
    assert Store(tmp_path, tmp_path, DAY_NS).content(file) == known


def test_another_question_is_another_audit(run, root, configuration):
    run(root)
    other = msgspec.structs.replace(configuration, classes=("*Motor",))
    assert [item.role for item in audit(root, configuration=other, cache=run.cache).implementations] == ["target"]


@pytest.mark.parametrize("content", [b"", b"no msgpack", b"\x92\xa1x\x01"])
def test_a_broken_cache_is_made_anew_and_told(run, root, content, caplog):
    first = run(root)
    files = list(run.cache.rglob("*.msgpack"))
    assert len(files) == 4
    for file in files:
        file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert run(root) == first
    assert "cannot be read" in caplog.text
    caplog.clear()
    assert run(root) == first
    assert caplog.text == ""


def test_a_cache_that_cannot_be_written_is_told_and_costs_nothing_else(root, run, caplog, tmp_path_factory):
    file = tmp_path_factory.mktemp("no-folder") / "file"
    file.write_text("")
    assert run(root, cache=file).imports
    assert "cannot be written" in caplog.text


def test_without_a_cache_nothing_is_written(run, root, tmp_path_factory):
    before = sorted(root.rglob("*"))
    run(root, cache=None)
    assert sorted(root.rglob("*")) == before


def test_what_is_gone_is_forgotten(run, root):
    run(root)
    size = sum(file.stat().st_size for file in run.cache.rglob("*.msgpack"))
    for number in range(20):
        (root / f"pkg/extra{number}.py").write_text(USER)
    run(root)
    for number in range(20):
        (root / f"pkg/extra{number}.py").unlink()
    run(root)
    assert sum(file.stat().st_size for file in run.cache.rglob("*.msgpack")) == size


@pytest.mark.parametrize("enabled", [True, False])
def test_an_audit_leaves_the_garbage_collector_as_it_was(tmp_path, enabled):
    was_enabled = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        audit(tmp_path)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()
