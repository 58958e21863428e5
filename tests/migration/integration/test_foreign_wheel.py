"""The foreign project, built and installed beside the tool's wheel in an environment without any extra: served, shadowed, compared."""

import json
import os
import shutil
import subprocess

import pytest

from tests.migration.integration.empty_environment import PATIENCE_S, ROOT, built, empty_environment

FOREIGN = ROOT / "tests" / "migration" / "foreign"
SERVING = """
import asyncio, json, sys
from migration import compose

async def main():
    async with compose() as migration:
        for number in range(3):
            asked = {"topics": ["printer", "ink"], "text": f"ticket {number}", "colleague": "ada", "fault": sys.argv[1] or None}
            kinds = [event.kind async for event in migration.run("support", asked, tenant_id="acme")]
        assert await migration.drained(60)
    print(kinds[0], kinds[-1])

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    wheels = [built(project, tmp_path_factory.mktemp("wheel")) for project in (ROOT, FOREIGN)]
    return empty_environment(tmp_path_factory.mktemp("empty"), wheels)


@pytest.fixture
def run(programs, tmp_path):
    """Runs a program in a folder that has the project's configuration and none of its modules."""
    shutil.copy(FOREIGN / "pyproject.toml", tmp_path)
    shutil.copytree(FOREIGN / "migration", tmp_path / "migration")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NETRA_", "PYTEST_", "PYTHON", "VIRTUAL_ENV"))}
    environment = kept | {"NETRA_MIGRATION_SHADOW_PRIORITY": "normal", "NETRA_MIGRATION_NOISE_SAMPLING": "0"}

    def run(program, *arguments, code=0):
        command = [str(programs / program), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return run


def test_what_an_installed_project_serves_is_shadowed_and_a_fault_is_found(run):
    for stage in ("dualwrite", "shadow"):
        run("netra-migration", "stage", "set", "support", stage, "--all", "--yes", "--force", "--reason", "a test")
    assert run("python", "-c", SERVING, "") == "ticket.opened ticket.closed\n"
    run("python", "-c", SERVING, "a word is lost")
    (surface,) = json.loads(run("netra-migration", "status", "--json"))["surfaces"]
    assert {verdict: runs for verdict, runs in surface["verdicts"].items() if runs} == {"match": 3, "divergent": 3}
    assert "does not" in run("netra-migration", "divergences", "list", code=1)


def test_the_doctor_finds_it_in_order(run):
    assert json.loads(run("netra-migration", "doctor", "--json"))["healthy"]


def test_its_type_checker_sees_the_types(run):
    asked = "import pathlib, migration; print(pathlib.Path(migration.__file__).with_name('py.typed').exists())"
    assert run("python", "-c", asked) == "True\n"
