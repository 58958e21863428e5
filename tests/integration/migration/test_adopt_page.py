"""docs/migration/adopt.md is a script: in an empty environment with the wheel, its files are written and its commands run, in order."""

import json
import os
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.migration.empty_environment import PATIENCE_S, ROOT, built, empty_environment

PAGE = (ROOT / "docs" / "migration" / "adopt.md").read_text()
BLOCKS = re.findall(r"```(python|toml|sh)\n(.*?)```", PAGE, re.DOTALL)
NAMED = re.compile(r"# (more of )?(\S+)\n")
HOUR_S = 180.0
TOOLS = ("pytest", "pytest-asyncio")  #: what the page's first line installs beside the wheel
BARE = ("netra_backend", "dashboards", "fastapi", "openai", "httpx", "uvicorn", "redis", "psycopg", "deepdiff")


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory):
    """The programs of an environment with the wheel and its extra `codemod`."""
    wheel = built(ROOT, tmp_path_factory.mktemp("wheel"))
    return empty_environment(tmp_path_factory.mktemp("empty"), [wheel], extras=["codemod"], tools=TOOLS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def run(bin_folder, folder):
    """Runs a line of the page in the project's folder; returns (stdout, stderr)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NETRA_", "PYTEST_", "PYTHON", "VIRTUAL_ENV"))}
    environment = kept | {"PATH": f"{bin_folder}:{os.environ['PATH']}", "NETRA_MIGRATION_SHADOW_PRIORITY": "normal"}

    def run(line, code=0):
        if "--older-than 1s" in line:
            time.sleep(1.1)  # what it is to forget is older then
        command = shlex.split(line, comments=True)
        program = [str(bin_folder / "python"), "-m", *command] if command[0] == "pytest" else [str(bin_folder / command[0]), *command[1:]]
        done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == code, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout, done.stderr

    return run


@pytest.fixture(scope="module")
def said(run, folder):
    """The page, taken from top to bottom: (line, its output) of each command, and how long all of it took."""
    began, said = time.monotonic(), []
    for kind, text in BLOCKS:
        if kind == "sh":
            lines = [line for line in text.splitlines() if not line.startswith("pip install")]
            said.extend((line, "".join(run(line, code=1 if "# exit 1" in line else 0))) for line in lines)
        elif name := NAMED.match(text):
            file, body = folder / name[2], text[name.end() :]
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{file.read_text()}\n{body}" if name[1] else body)
    return said, time.monotonic() - began


def outputs(said, command):
    return [output for line, output in said[0] if line.startswith(command)]


def test_what_knows_the_migration_is_fewer_lines_than_thirty():
    files = {name[2]: text[name.end() :] for kind, text in BLOCKS if kind != "sh" and (name := NAMED.match(text))}
    code = [line for name in ("shop/outside.py", "shop/engines.py", "shop/app.py") for line in files[name].splitlines() if line.strip()]
    said = int(re.search(r"(\d+) lines of Python", PAGE)[1])
    assert len(code) == said < 30


def test_the_wheel_brings_nothing_of_the_backend_and_no_library_that_the_tool_does_not_use(run):
    asked = f"import importlib.util as u; print([one for one in {BARE!r} if u.find_spec(one)])"
    assert run(f"python -c {shlex.quote(asked)}")[0] == "[]\n"


def test_dashboards_and_rules_are_in_the_wheel(run):
    place = Path(run("netra-migration doctor", code=1)[0].rpartition("lie in ")[2].strip())
    assert json.loads((place / "grafana" / "rollout.json").read_text())["panels"]
    assert (place / "prometheus" / "rules.yml").exists()


def test_the_page_passes_from_the_first_line_to_the_last_in_three_minutes(said):
    assert said[1] < HOUR_S


def test_its_tests_pass(said):
    assert all("1 passed" in output for output in outputs(said, "pytest"))


def test_what_is_served_is_shadowed_and_matches(said):
    (status,), (stage,) = outputs(said, "netra-migration status"), outputs(said, "netra-migration stage show")
    assert re.search(r"\d+ match", status)
    assert "divergent" not in status
    assert "complete" in stage


def test_the_mistake_is_found_and_gone_when_it_is_mended(said):
    found, mended = outputs(said, "netra-migration divergences list")
    assert "effect" in found
    assert "effect" not in mended


def test_the_removal_check_says_what_is_not_met_yet(said):
    (checked,) = outputs(said, "netra-migration removal check")
    assert re.search(r"shop: \d of 8 criteria unmet", checked)
    assert "no_legacy_run" in checked


def test_the_rehearsal_of_the_removal_names_what_goes_and_what_is_left_to_a_person(said):
    (rehearsed,) = outputs(said, "netra-migration removal apply")
    assert re.search(r"deleted: shop/old.py .*engine of shop", rehearsed)
    assert set(re.findall(r"left to you: (\S+?):\d+", rehearsed)) == {"shop/app.py", "shop/new.py", "shop/outside.py"}
