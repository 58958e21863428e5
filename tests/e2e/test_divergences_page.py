"""`docs/migration/divergences.md` explains what a replay of recorded conversations finds, and quotes nothing of them."""

import gzip
import json
from datetime import date
from pathlib import Path

import pytest

from docs.migration import divergences
from migration.comparison import load_ledger

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "migration" / "divergences.md"


@pytest.fixture
def conversations():
    if not divergences.CONVERSATIONS.exists():
        pytest.skip("the recorded conversations are not beside this checkout (../shared/data)")
    return divergences.CONVERSATIONS


def test_every_divergence_of_the_replay_is_explained():
    assert ", 0 divergent, 0 inconclusive." in PAGE.read_text()


def test_no_tool_of_the_recordings_is_named(conversations):
    page = PAGE.read_text()
    with gzip.open(conversations, "rt") as lines:
        names = {
            call["function"]["name"]
            for line in lines
            for message in json.loads(line)["messages"]
            for call in message.get("tool_calls") or ()
        }
    assert names
    assert [name for name in names if name in page and name != "think"] == []
    assert "/think" not in page


@pytest.mark.parametrize("ledger", sorted((ROOT / "ledger").glob("*.toml")), ids=lambda path: path.stem)
def test_every_accepted_defect_stands_on_the_page(ledger):
    page = PAGE.read_text()
    rows = [line for line in page.splitlines() if line.startswith(f"| {ledger.stem} |")]
    assert [entry.id for entry in load_ledger(ledger).entries if not any(f"`{entry.id}`" in row for row in rows)] == []


def test_an_expired_entry_leaves_its_divergence_to_nobody(conversations, tmp_path, monkeypatch):
    found = divergences.Found()
    with gzip.open(conversations, "rb") as lines:
        (tmp_path / "one.jsonl").write_bytes(next(lines))
    from migration.comparison import Comparer

    late = Comparer(ROOT / "ledger", today=lambda: date(2099, 1, 1))
    monkeypatch.setattr(divergences, "Comparer", lambda _folder: late)
    monkeypatch.setattr(divergences, "Found", lambda: found)
    assert "nobody: it is divergent" in divergences.replayed(tmp_path / "one.jsonl")
    assert found.verdicts["divergent"] > 0
