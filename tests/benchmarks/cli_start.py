"""User CPU time of whole commands, beside that of importing what they stand on: the goal is 1.5 times at most."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.measuring import Measured, beside

_ROUNDS = 9
_PEER = "import typer, ldclient, sqlalchemy"
_COMMANDS = ("status", "status --json", "kill on", "stage show", "history")


def run() -> dict[str, Measured]:
    """Measure each command in turn with the peer, in a folder with a flag file."""
    measured = {}
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "flags.json").write_text('{"flags": {}}')
        environment = os.environ | {"NETRA_MIGRATION_HOME": home}
        program = str(Path(sys.executable).with_name("netra-migration"))
        for command in _COMMANDS:
            ours = [sys.executable, program, *command.split()]
            _user_s(ours, environment)  # the database is made once
            pairs = [(_user_s(ours, environment), _user_s([sys.executable, "-c", _PEER], environment)) for _ in range(_ROUNDS)]
            ratio = median(peer / own for own, peer in pairs)
            own, peer = (median(side) * 1000 for side in zip(*pairs, strict=True))
            measured[f"netra-migration {command}"] = beside(own, "ms of user CPU", _PEER, peer, ratio)
    return measured


def _user_s(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, env=environment, capture_output=True, check=False)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
