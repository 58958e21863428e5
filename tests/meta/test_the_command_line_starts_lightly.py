"""What an operator waits for at each start of the command line is only what the command needs."""

import os
import subprocess
import sys

import pytest

from tests.meta.test_a_backend_starts_lightly import HEAVY, OF_TYPER, shown_helps

STARTED = (
    "import sys; from migration.cli import main; sys.argv = ['netra-migration', *sys.argv[1:]]\ntry: main()\nexcept SystemExit: pass\n"
)
LISTED = "print('\\n' + ' '.join(sorted(sys.modules)))"


def imported(code: str, *arguments: str, home: str) -> set[str]:
    """Return the names of the modules that this code imports in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code + LISTED, *arguments],
        env=os.environ | {"NETRA_MIGRATION_HOME": home},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(done.stdout.splitlines()[-1].split())


#: Packages that the help of a command may import. Of others it needs a word at most, which a light module of theirs has.
FOR_HELP = {"cli", "consolidation", "errors", "extras", "fronts", "import_strings", "model", "project", "replay", "sentence"}
FOR_HELP |= {"settings", "stages", "toml_text", "variables"}
LIGHT = {"migration.consolidation.removal.validity", "migration.consolidation.baseline_name", "migration.replay.strictness"}


def test_no_help_imports_more_than_its_own_words():
    told = shown_helps("migration.cli.app")
    own = {name for name in told["modules"] if name.startswith("migration.")}
    heavy = {name for name in own if name.startswith(("migration.consolidation.", "migration.replay."))}
    assert {("stage", "set"), ("removal", "apply"), ("rollout", "simulate"), ("demo",)} <= {tuple(words) for words in told["commands"]}
    assert set(told["third_party"]) <= OF_TYPER | {"msgspec"}
    assert not HEAVY & set(told["modules"])
    assert {name.split(".")[1] for name in own} <= FOR_HELP
    assert heavy == LIGHT | {"migration.consolidation.removal"}


@pytest.mark.parametrize("command", ["status", "status --json", "stage show", "kill on", "history"])
def test_a_command_imports_no_second_library_for_settings_and_no_backend(command, tmp_path):
    (tmp_path / "flags.json").write_text('{"flags": {}}')
    found = imported(STARTED, *command.split(), home=str(tmp_path))
    assert "migration.settings" in found
    assert found & {"pydantic", "pydantic_settings", "netra_backend", "fastapi", "openai"} == set()


def test_the_facade_imports_no_second_library_for_settings(tmp_path):
    assert "pydantic" not in imported("import sys, migration.facade\n", home=str(tmp_path))
