"""The wheel and what it declares, installed by pip from a package index into an empty environment: names, versions and extras are there."""

import re
import subprocess
import sys
import tomllib
import venv

import pytest
from packaging.requirements import Requirement

from tests.migration.integration.empty_environment import ROOT, built

PATIENCE_S = 600.0
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OUT_OF_REACH = ("ConnectionError", "NewConnectionError", "No matching distribution", "Could not fetch", "timed out", "Name or service")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def pip(tmp_path):
    """pip for a new environment that holds it to the versions of the lock file."""
    venv.create(tmp_path / "env", with_pip=False)
    locked = re.findall(r"^([a-z0-9._-]+)(?:\[[a-z0-9,-]+\])?(==[^\s;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    (tmp_path / "constraints.txt").write_text("".join(f"{name}{version}\n" for name, version in locked))
    command = [sys.executable, "-m", "pip", "--python", str(tmp_path / "env" / "bin" / "python"), "--disable-pip-version-check"]

    def run(*arguments):
        constrained = ["--constraint", str(tmp_path / "constraints.txt")] if arguments[0] == "install" else []
        done = subprocess.run([*command, *arguments, *constrained], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode and any(sign in done.stderr for sign in OUT_OF_REACH):
            pytest.skip(f"no package index with the locked versions is in reach: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_with_codemod_it_installs_and_lists_what_the_tool_uses_alone(pip, wheel, tmp_path):
    pip("install", "-q", f"{wheel}[codemod]")
    assert pip("check").strip() == "No broken requirements found."
    shown = next(line for line in pip("show", "netra-strangler").splitlines() if line.startswith("Requires: "))
    base = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert set(shown.removeprefix("Requires: ").split(", ")) == base
    assert "netra-backend" not in pip("list")
    told = subprocess.run([tmp_path / "env" / "bin" / "netra-migration", "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install" not in told.stdout


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_an_extra_can_be_resolved(pip, wheel, extra):
    pip("install", "-q", "--dry-run", f"{wheel}[{extra}]")
