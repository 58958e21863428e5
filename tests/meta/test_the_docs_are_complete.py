"""What can be set, called or chosen is documented; generated texts are kept up to date by `make check`."""

import re
from pathlib import Path

import pytest
import typer

from migration.cli.app import app as migration
from migration.model import Stage
from migration.settings import MigrationSettings
from migration.variables import described
from netra_backend.app.cli import app as netra
from netra_backend.app.config import Settings

ROOT = Path(__file__).parents[2]


def commands(command, path):
    if not hasattr(command, "list_commands"):
        return [(path, command)]
    return [found for name in command.list_commands(None) for found in commands(command.get_command(None, name), f"{path} {name}")]


EVERY = commands(typer.main.get_command(netra), "netra")
EVERY += commands(typer.main.get_command(migration), "netra-migration")  # goes with: migration


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[path for path, _ in EVERY])
def test_every_command_is_documented_and_each_of_its_options_has_a_help(path, command):
    assert f"## `{path}`" in (ROOT / "docs" / "cli.md").read_text()
    assert command.help
    assert [parameter.name for parameter in command.params if parameter.name != "help" and not getattr(parameter, "help", None)] == []


SETTINGS = [(f"NETRA_{name.upper()}", field.description) for name, field in Settings.model_fields.items()]
SETTINGS += [(setting.variable, setting.description) for setting in described(MigrationSettings)]  # goes with: migration


def test_every_setting_is_documented_with_a_description():
    written = (ROOT / "docs" / "settings.md").read_text()
    assert [variable for variable, description in SETTINGS if not description or f"`{variable}`" not in written] == []


def test_every_stage_stands_in_the_readme():
    written = (ROOT / "README.md").read_text()
    assert [stage for stage in Stage if f"`{stage.value}`" not in written] == []


@pytest.mark.parametrize("path", [*sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("*.md")], ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("**/adr/0*.md")), ids=lambda path: path.name)
def test_a_decision_is_short_and_says_how_to_undo_it(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 40
    for part in ("Status:", "## Context", "## Decision", "## Consequences", "## How to undo"):
        assert part in text


@pytest.mark.parametrize("index", sorted((ROOT / "docs").glob("**/adr/README.md")), ids=lambda path: path.parent.parent.name)
def test_an_index_has_every_decision_of_its_folder_once_by_its_title(index):
    lines = [line for line in index.read_text().splitlines() if line.startswith("- [")]
    decisions = {path.name: path.read_text().splitlines()[0] for path in index.parent.glob("0*.md")}
    wanted = [f"- [{int(name[:4])}. {re.sub(r'^# [0-9]+[.:] ', '', title)}]({name})" for name, title in decisions.items()]
    assert sorted(lines) == sorted(wanted)


def test_no_number_of_a_decision_is_given_twice():
    numbers = [path.name[:4] for path in (ROOT / "docs").glob("**/adr/0*.md")]
    assert len(numbers) == len(set(numbers))
