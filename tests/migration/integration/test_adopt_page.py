"""docs/migration/adopt.md is a script: in an empty environment with the wheel, its files are written and its commands run, in order.

The fourteen days pass by an injected clock: programs of that environment have one that says which day it is.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.migration.integration.empty_environment import PATIENCE_S, ROOT, built, empty_environment

PAGE = (ROOT / "docs" / "migration" / "adopt.md").read_text()
HOUR, LATER = ([*re.findall(r"```(python|toml|sh)\n(.*?)```", part, re.DOTALL)] for part in PAGE.split("## Fourteen days later"))
NAMED = re.compile(r"# (more of )?(\S+)\n")
HOUR_S = 180.0
RAMP_S = 120.0
TOOLS = ("pytest", "pytest-asyncio")  #: what the page's first line installs beside the wheel
AS_SOON_AS = re.compile(r"# .*as soon as it says: (.+)")  #: a command that a person repeats
CLOCK = """
import time

days, real = 0, time.time
time.time = lambda: real() + days * 86_400
"""
#: A process that serves somebody on each of so many days.
SERVING = """
import asyncio, sitecustomize
from prometheus_client import CollectorRegistry
from migration import compose

async def main():
    for sitecustomize.days in range(DAYS):
        async with compose(registry=CollectorRegistry()) as migration:
            [event async for event in migration.run("shop", {"product": "lamp"}, tenant_id="tenant-7", user_id="ann")]

asyncio.run(main())
"""
DAYS = 16
BARE = ("netra_backend", "dashboards", "fastapi", "openai", "httpx", "uvicorn", "redis", "psycopg", "deepdiff")


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory):
    """The programs of an environment with the wheel and its extras `codemod` and `rollout`."""
    wheel = built(ROOT, tmp_path_factory.mktemp("wheel"))
    return empty_environment(tmp_path_factory.mktemp("empty"), [wheel], extras=["codemod", "rollout"], tools=TOOLS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def run(bin_folder, folder):
    """Runs a line of the page in the project's folder; returns (stdout, stderr)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NETRA_", "PYTEST_", "PYTHON", "VIRTUAL_ENV"))}
    environment = kept | {"PATH": f"{bin_folder}:{os.environ['PATH']}", "NETRA_MIGRATION_SHADOW_PRIORITY": "normal"}
    environment |= {f"GIT_{who}_{what}": "ann@shop.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    jobs = []

    def program(line):
        command = shlex.split(line, comments=True)
        own = command[0] if command[0] == "git" else str(bin_folder / command[0])
        return [str(bin_folder / "python"), "-m", *command] if command[0] == "pytest" else [own, *command[1:]]

    def run(line, code=0):
        if line.endswith("&"):
            # As in an interactive shell; a shell that runs these tests in the background would leave SIGINT ignored.
            command = ["env", "--default-signal=INT", *program(line[:-1])]
            jobs.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            return "", ""
        if line.startswith("kill"):
            for number in re.findall(r"%(\d+)", line):
                jobs[int(number) - 1].send_signal(signal.SIGINT)
                jobs[int(number) - 1].wait(PATIENCE_S)
            return "", ""
        if "--older-than 1s" in line:
            time.sleep(1.1)  # what it is to forget is older then
        awaited, give_up = AS_SOON_AS.search(line), time.monotonic() + RAMP_S
        while True:
            done = subprocess.run(
                program(line), cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
            )
            # The history names a rollback a moment before the ramp's state does: a person waits for both.
            if awaited is None or (awaited[1] in done.stdout and done.returncode == code) or time.monotonic() > give_up:
                break
        assert awaited is None or awaited[1] in done.stdout, f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout, done.stderr

    yield run
    for job in jobs:
        job.kill()
        job.wait()


def taken(blocks, run, folder):
    """Write the files and run the commands of a part of the page; returns (line, its output) of each command."""
    said, key = [], "PUBLIC KEY"
    for kind, text in blocks:
        if kind == "sh":
            for line in text.splitlines():
                if not line.startswith("pip install"):
                    output, notes = run(line, code=1 if "# exit 1" in line else 0)
                    said.append((line, output + notes))
                    key = output.strip() if "removal key" in line else key
        elif name := NAMED.match(text):
            file, body = folder / name[2], text[name.end() :].replace("PUBLIC KEY", key)
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{file.read_text()}\n{body}" if name[1] else body)
    return said


@pytest.fixture(scope="module")
def said(run, folder):
    """The page's hour: (line, its output) of each command, and how long all of it took."""
    began = time.monotonic()
    return taken(HOUR, run, folder), time.monotonic() - began


@pytest.fixture(scope="module")
def later(said, run, folder, bin_folder):
    """What the page says of the day after the fourteen days."""
    (packages,) = bin_folder.parent.glob("lib/python*/site-packages")
    (packages / "sitecustomize.py").write_text(CLOCK)
    run(f"python -c {shlex.quote(SERVING.replace('DAYS', str(DAYS)))}")
    (packages / "sitecustomize.py").write_text(CLOCK.replace("days, real = 0", f"days, real = {DAYS - 1}"))
    run("git init -q")
    (folder / ".gitignore").write_text("var/\n__pycache__/\n")
    return taken(LATER, run, folder), None


def outputs(said, command):
    return [output for line, output in said[0] if line.startswith(command)]


def test_what_knows_the_migration_is_fewer_lines_than_thirty():
    files = {name[2]: text[name.end() :] for kind, text in HOUR if kind != "sh" and (name := NAMED.match(text))}
    code = [line for name in ("shop/outside.py", "shop/engines.py", "shop/app.py") for line in files[name].splitlines() if line.strip()]
    said = int(re.search(r"(\d+) lines of Python", PAGE)[1])
    assert len(code) == said < 30


def test_the_wheel_brings_nothing_of_the_backend_and_no_library_that_the_tool_does_not_use(run):
    asked = f"import importlib.util as u; print([one for one in {BARE!r} if u.find_spec(one)])"
    assert run(f"python -c {shlex.quote(asked)}")[0] == "[]\n"


def test_dashboards_and_rules_are_in_the_wheel(run):
    place = Path(run("netra-migration doctor", code=1)[0].rpartition("alert rules are in ")[2].strip())
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


def test_the_gate_holds_what_too_few_runs_were_compared_for(said):
    held = outputs(said, "netra-migration stage set shop shadow --all")[-1]
    assert re.search(r"the gate of shadow 10 % says hold: \d+ runs? compared; at least 40 are needed\.", held)


def test_the_ramp_rolls_the_mistake_back_and_promotes_its_fix(said, run):
    entries = json.loads(run("netra-migration history --json --limit 200")[0])["entries"]
    told = "\n".join(one["what"] for one in reversed(entries))
    back, after = told.find("rolled back to dualwrite"), told.find("its ramp was resumed")
    assert 0 < back < after < told.find("promoted to complete")


def test_the_mistake_is_found_and_gone_when_it_is_mended(said):
    found, mended = outputs(said, "netra-migration divergences list")
    assert "effect" in found
    assert "effect" not in mended


def test_the_removal_check_says_what_is_not_met_yet(said):
    (checked,) = outputs(said, "netra-migration removal check")
    assert re.search(r"shop: \d of 10 criteria unmet", checked)
    assert "no_legacy_run" in checked


def test_the_rehearsal_of_the_removal_names_what_goes_and_what_is_left_to_a_person(said):
    (rehearsed,) = outputs(said, "netra-migration removal apply")
    assert re.search(r"deleted: shop/old.py .*engine of shop", rehearsed)
    assert set(re.findall(r"left to you: (\S+?):\d+", rehearsed)) == {"shop/app.py", "shop/new.py", "shop/outside.py"}


def test_after_fourteen_days_every_criterion_is_met(later):
    (checked,) = outputs(later, "netra-migration removal check")
    assert "shop: ready" in checked


def test_what_stays_passes_its_tests_and_serves_when_the_old_engine_and_the_migration_are_gone(later, run, folder):
    (tested,), (served,) = outputs(later, "pytest"), outputs(later, "python -m shop")
    assert "1 passed" in tested
    assert served.splitlines()[-1] == '{"type": "done", "cost": 9.5}'
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in {".py", ".toml"} and "var" not in path.parts}
    assert left == {"pyproject.toml", "test_answers.py", *(f"shop/{name}.py" for name in ("__main__", "app", "new", "outside"))}
    assert "migration" not in (folder / "pyproject.toml").read_text()
