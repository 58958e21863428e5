"""Several processes edit one flag file at once, as operators would who do not wait for each other."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from migration.flags.meaning.data import read_flag_data, surface_flag_key
from migration.history import History
from migration.settings import MigrationSettings

_EDITOR = """
import json, sys
from migration.errors import EditConflictError
from migration.model import Stage
from migration.rollout.edit import Edits
from migration.settings import MigrationSettings

name, edits = sys.argv[1], int(sys.argv[2])
refusals = []
with Edits(MigrationSettings(), wait_s=0.0) as desk:
    for number in range(edits):
        while True:
            tenant = f"{name}-{number}"
            preview = desk.pin("chat", tenant, Stage.DUALWRITE) if number % 4 else desk.sample(number % 100, None, tenant)
            try:
                written = desk.write(preview, reason=f"{name} {number}")
            except EditConflictError as refused:
                refusals.append(list(refused.changed))
                continue
            assert written.unkept is None, written.unkept
            break
print(json.dumps(refusals))
"""


def edit_at_once(home: Path, *, processes: int, edits: int) -> Counter[str]:
    """Let the processes make so many edits each; check that none is lost and each refusal says what changed; return what happened."""
    environment = {**os.environ, "NETRA_MIGRATION_HOME": str(home), "NETRA_MIGRATION_STORES": ""}
    editors = [
        subprocess.Popen(
            [sys.executable, "-c", _EDITOR, f"editor{number}", str(edits)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    refusals: list[list[str]] = []
    for editor in editors:
        out, err = editor.communicate(timeout=1_100)
        assert editor.returncode == 0, err
        refusals += json.loads(out)
    _check_nothing_is_lost(home, processes, edits)
    assert all(refusals), "a refusal did not say what had changed"
    return Counter(edits=processes * edits, refusals=len(refusals))


def _check_nothing_is_lost(home: Path, processes: int, edits: int) -> None:
    data, problems = read_flag_data((home / "flags.json").read_bytes())
    assert not problems
    samples = processes * len(range(0, edits, 4))
    named = {key: _named(flag) for key, flag in data.flags.items()}
    made = [(number, f"editor{editor}-{number}") for editor in range(processes) for number in range(edits)]
    assert named[surface_flag_key("chat")] == {name for number, name in made if number % 4}
    assert named["shadow-sampling"] == {name for number, name in made if not number % 4}
    versions = {key: flag["version"] for key, flag in data.flags.items()}
    assert versions == {surface_flag_key("chat"): processes * edits - samples, "shadow-sampling": samples}
    log = History.reading(MigrationSettings(home=home))
    kept = Counter((entry.flag, entry.version_after) for entry in log.entries(limit=10 * processes * edits))
    log.close()
    assert kept == Counter({(key, version): 1 for key, last in versions.items() for version in range(1, last + 1)})


def _named(flag: dict[str, Any] | Any) -> set[str]:
    return {name for target in flag["contextTargets"] for name in target["values"]}
