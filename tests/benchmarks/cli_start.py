"""User CPU time of whole commands, beside that of importing what they stand on.

Every `--help` of both programs: the goal is 2 times `import typer, rich.table`. Commands that read flags: 1.5 times what they import.
"""

import importlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import typer

from tests.benchmarks.callers import ratio
from tests.benchmarks.measuring import Measured, beside
from tests.meta.helps import commands_of

_ROUNDS: Final = 7
_PEER: Final = "import typer, ldclient, sqlalchemy"
_COMMANDS: Final = ("status", "status --json", "kill on", "stage show", "history")
_HELP_PEER: Final = "import typer, rich.table"
_PROGRAMS: Final = {"netra": "netra_backend.app.cli", "netra-migration": "migration.cli.app"}


def run() -> dict[str, Measured]:
    """Measure each command in turn with its peer, in a folder with a flag file."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "flags.json").write_text('{"flags": {}}')
        environment = os.environ | {"NETRA_MIGRATION_HOME": home}
        measured = {
            " ".join((program, *words, "--help")): _beside([program, *words, "--help"], _HELP_PEER, environment)
            for program, module in _PROGRAMS.items()
            for words in commands_of(typer.main.get_command(importlib.import_module(module).app))
        }
        for command in _COMMANDS:
            words = ["netra-migration", *command.split()]
            _user_s(_program(words), environment)  # the database is made once
            measured[" ".join(words)] = _beside(words, _PEER, environment)
    return measured


def _beside(words: Sequence[str], imports: str, environment: dict[str, str]) -> Measured:
    peer = [sys.executable, "-c", imports]
    pairs = [(_user_s(_program(words), environment), _user_s(peer, environment)) for _ in range(_ROUNDS)]
    ours, theirs = (list(side) for side in zip(*pairs, strict=True))
    times = ratio(theirs, ours)
    row = beside(median(ours) * 1000, "ms of user CPU", imports, median(theirs) * 1000, times.middle)
    row["interval"] = (round(times.low, 2), round(times.high, 2))
    return row


def _program(words: Sequence[str]) -> list[str]:
    return [sys.executable, str(Path(sys.executable).with_name(words[0])), *words[1:]]


def _user_s(command: Sequence[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, env=environment, capture_output=True, check=False)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
