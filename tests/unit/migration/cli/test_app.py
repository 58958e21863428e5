"""The command line finds its commands and starts fast."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from migration.cli import app as cli


def test_every_command_that_exists_is_in_the_help():
    shown = CliRunner().invoke(cli.app, ["--help"]).stdout
    assert all(name in shown for name in cli.LazyCommands(name="x").list_commands(None))


def test_a_command_whose_module_does_not_exist_is_no_command(monkeypatch):
    monkeypatch.setattr(cli, "COMMANDS", ("stage", "not-written-yet"))
    assert cli.LazyCommands(name="x").list_commands(None) == ["stage"]


@pytest.mark.parametrize(("table", "there"), [("", False), ("demo = 'migration.cli.kill:command'", True)])
def test_demo_is_a_command_where_the_project_has_one(monkeypatch, tmp_path, table, there):
    (tmp_path / "pyproject.toml").write_text(f"[tool.netra-migration]\n{table}\n")
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(tmp_path))
    assert ("demo" in cli.LazyCommands(name="x").list_commands(None)) is there


@pytest.mark.parametrize("name", ["audit", "guard", "codemod"])
def test_help_shows_names_of_tables_in_brackets(name):
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(cli.app, [name, "--help"]).stdout
    assert "[tool.netra-migration.audit]" in " ".join(shown.replace("│", " ").split())


@pytest.mark.parametrize("arguments", [["frobnicate"], ["app"], ["stage", "frobnicate"]])
def test_an_unknown_command_is_exit_code_2(arguments):
    assert CliRunner().invoke(cli.app, arguments).exit_code == 2


def test_showing_stages_loads_no_run_stores_no_metrics_and_no_evidence():
    code = """
import sys
from migration.cli.app import app
app(["stage", "show", "--json"], standalone_mode=False)
unwanted = {"migration.stores", "migration.evidence", "migration.facade", "opentelemetry", "prometheus_client", "rich"}
sys.exit(bool(unwanted & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout[:1]) == (0, "{"), done.stderr


#: What takes long to import, and what each command may have of it.
HEAVY = {"ldclient", "sqlalchemy", "alembic", "rich", "opentelemetry", "prometheus_client", "cryptography", "libcst", "httpx", "redis"}


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["status"], ["ldclient", "sqlalchemy"]),  # a gate is that of the step that the flag shows
        (["history"], ["sqlalchemy"]),
        (["kill", "on"], ["ldclient", "sqlalchemy"]),
        (["stage", "show", "--json"], ["ldclient", "sqlalchemy"]),
    ],
    ids=" ".join,
)
def test_a_command_that_must_be_fast_imports_what_it_needs_and_no_more(arguments, needed, tmp_path):
    """A benchmark (`cli_start`) has the times; what most of them are spent on is here."""
    (tmp_path / "flags.json").write_text('{"flags": {}}')
    code = """
import sys
from migration.cli.app import app
try:
    app(sys.argv[1:])
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""
    environment = os.environ | {"NETRA_MIGRATION_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True, text=True, env=environment)
    assert set(done.stderr.splitlines()[-1].split()) & HEAVY <= set(needed)


@pytest.mark.parametrize(
    ("table", "said"),
    [("legder = 1", "legder"), ('demo = "nowhere.at.all:command"', "cannot be imported"), ('demo = "demo"', "is not an import string")],
)
def test_a_demo_that_cannot_be_had_is_said_to_be_so(table, said, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(f"[tool.netra-migration]\n{table}\n")
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(tmp_path))
    asked = CliRunner().invoke(cli.app, ["demo"])
    assert (asked.exit_code, said in asked.stderr) == (2, True)
    assert CliRunner().invoke(cli.app, ["--help"]).exit_code == 0


def test_the_list_of_commands_imports_none_of_them():
    code = """
import sys
from migration.cli.app import COMMANDS, app
app(["--help"], standalone_mode=False)
print(sorted(name for name in COMMANDS if f"migration.cli.{name}" in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != cli.DEMO])
def test_the_list_says_what_the_command_says(name):
    command = cli.LazyCommands(name="x").get_command(None, name)
    first, _, _ = (command.short_help or command.help).partition("\n\n")
    assert cli.SUMMARIES[name] == " ".join(first.split())
