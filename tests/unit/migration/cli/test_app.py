"""The command line finds its commands and starts fast."""

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
