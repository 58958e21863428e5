"""One version, which the command lines and the changelog report; fragments that a release can read."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = {"netra": ROOT / "netra_backend" / "pyproject.toml"}
BUILT["netra-migration"] = ROOT / "pyproject.toml"  # goes with: migration
FRAGMENT = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md")


def version(file):
    return tomllib.loads(file.read_text())["project"]["version"]


@pytest.mark.parametrize("command", BUILT)
def test_a_command_line_shows_the_version_that_is_built(command):
    shown = subprocess.run([Path(sys.executable).with_name(command), "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout == f"{version(BUILT[command])}\n"


def test_all_that_is_built_has_the_version_of_the_newest_release():
    newest = re.search(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {version(file) for file in BUILT.values()} == {newest[1]}


def test_every_fragment_has_a_name_that_a_release_reads_and_says_something():
    files = [file for file in (ROOT / "changelog.d").rglob("*") if file.is_file() and file.name not in {"README.md", "template.md"}]
    assert [file.name for file in files if not FRAGMENT.fullmatch(file.name)] == []
    assert [file.name for file in files if len(file.read_text().split()) < 3] == []


def test_a_release_puts_the_fragments_below_the_mark_and_consumes_them(tmp_path):
    for name in ("pyproject.toml", "CHANGELOG.md"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    for folder in ("", "migration"):
        (tmp_path / "changelog.d" / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "changelog.d" / "template.md").write_text((ROOT / "changelog.d" / "template.md").read_text())
    (tmp_path / "changelog.d" / "chat.added.md").write_text("Chats may be muted.\n")
    (tmp_path / "changelog.d" / "migration" / "stage.fixed.md").write_text("A stage is shown.\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True, timeout=60)
    command = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "9.9.9", "--date", "2030-01-02"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    _, mark, below = (tmp_path / "CHANGELOG.md").read_text().partition("<!-- towncrier release notes start -->\n")
    assert mark
    assert " ".join(below.split("\n## 0.1.0")[0].split()) == (
        "## 9.9.9 (2030-01-02) ### Added - Chats may be muted."
        " <!-- goes with: migration --> ### The migration #### Fixed - A stage is shown. <!-- stays -->"
    )
    assert not list((tmp_path / "changelog.d").rglob("*.added.md"))
