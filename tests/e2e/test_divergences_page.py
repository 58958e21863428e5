"""`docs/migration/divergences.md` explains what a replay of recorded conversations finds, and quotes nothing of them."""

import gzip
import importlib.util
import json
import sys
from datetime import date
from pathlib import Path

import pytest

from migration.comparison import load_ledger

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "migration" / "divergences.md"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("divergences_page", ROOT / "docs" / "migration" / "divergences.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def conversations(generator):
    if not generator.CONVERSATIONS.exists():
        pytest.skip("the recorded conversations are not beside this checkout (../shared/data)")
    return generator.CONVERSATIONS


def test_the_measured_part_is_what_a_replay_finds(generator, conversations):
    assert generator.measured(PAGE.read_text()) == generator.replayed(conversations), "run: make generate"


def test_every_divergence_of_the_replay_is_explained(generator):
    assert "0 divergent, 0 inconclusive" in generator.measured(PAGE.read_text())


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


def test_an_expired_entry_leaves_its_divergence_to_nobody(generator, conversations, tmp_path, monkeypatch):
    found = generator.Found()
    with gzip.open(conversations, "rb") as lines:
        (tmp_path / "one.jsonl").write_bytes(next(lines))
    from migration.comparison import Comparer

    late = Comparer(ROOT / "ledger", today=lambda: date(2099, 1, 1))
    monkeypatch.setattr(generator, "Comparer", lambda _folder: late)
    monkeypatch.setattr(generator, "Found", lambda: found)
    assert "nobody: it is divergent" in generator.replayed(tmp_path / "one.jsonl")
    assert found.verdicts["divergent"] > 0
