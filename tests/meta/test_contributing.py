"""CONTRIBUTING.md sends nobody to a place that is not there: each path, symbol and command on it exists."""

import ast
import re
from pathlib import Path

import pytest
import typer

from netra_backend.app.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:md|toml|mk))(?::([\w.]+))?`", PAGE)))
COMMANDS = [line.split("  #")[0].strip() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
PROGRAMS = {"netra": app}
# goes with: migration
from migration.cli.app import app as migration  # noqa: E402 - in the region that leaves with the migration

PROGRAMS["netra-migration"] = migration
# stays


def defined(body, name):
    """The statement of a body that defines the name; None: there is none."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node
    return None


@pytest.mark.parametrize(("path", "symbol"), PLACES, ids=lambda part: part)
def test_a_place_exists(path, symbol):
    if "NAME" in path or "NNNN" in path:
        path = path.rpartition("/")[0]
    assert (ROOT / path).exists(), f"{path} is stale"
    found = ast.parse((ROOT / path).read_text(encoding="utf-8")) if symbol else None
    for name in symbol.split(".") if symbol else ():
        found = defined(found.body, name)
        assert found is not None, f"{path} does not define {symbol}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_can_be_run(command):
    program, *words = command.split()
    if program == "make":
        makefiles = "".join(file.read_text() for file in [ROOT / "Makefile", *ROOT.glob("*.mk")])
        assert re.search(rf"^{words[0]}:", makefiles, re.MULTILINE), f"make has no target {words[0]}"
    elif (name := Path(program).name) in PROGRAMS:
        group = typer.main.get_command(PROGRAMS[name])
        assert group.get_command(None, words[0]) is not None, f"{name} has no command {words[0]}"
    else:
        assert name == "python"
    assert [word for word in words if (path := word.removeprefix("T=")).startswith("tests/") and not (ROOT / path).exists()] == []


def test_every_question_of_a_stranger_is_answered_by_a_place():
    rows = [line for line in PAGE.partition("## Where is it?")[2].partition("\n## ")[0].splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row != "| question | where |"]
    assert rows
    assert [row for row in rows if not re.search(r"`[\w./]+/[\w./]*(:[\w.]+)?`", row)] == []
