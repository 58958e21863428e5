"""What adopters import: every name is there, says what it does and what it raises, and stands in docs/migration/adopt.md."""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ["migration", "migration.effects", "migration.effects.http", "migration.effects.sql", "migration.testing"]
NAMES = [(module, name) for module in MODULES for name in importlib.import_module(module).__all__]
PAGE = (ROOT / "docs" / "migration" / "adopt.md").read_text()


@pytest.mark.parametrize(("module", "name"), NAMES, ids=lambda value: value)
def test_a_public_name_is_documented(module, name):
    found = getattr(importlib.import_module(module), name)
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{module}` |"))
    assert f"`{name}`" in row
    if inspect.isfunction(found) or inspect.isclass(found):
        assert inspect.getdoc(found)


@pytest.mark.parametrize("module", MODULES)
def test_the_page_names_nothing_that_is_not_there(module):
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{module}` |"))
    assert set(re.findall(r"`(\w+)`", row.split("|", 2)[2])) == {name for found, name in NAMES if found == module}


@pytest.mark.parametrize(("module", "name"), [named for named in NAMES if named[1][0].islower()], ids=lambda value: value)
def test_a_public_function_says_what_it_raises(module, name):
    found = inspect.unwrap(getattr(importlib.import_module(module), name))
    tree = ast.parse(textwrap.dedent(inspect.getsource(found)))
    raises = any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))
    assert not raises or re.search(r"Raise", inspect.getdoc(found) or "")


def test_importing_the_door_brings_neither_web_framework_nor_model_sdk():
    import subprocess
    import sys

    asked = "import sys, migration.composition; print(sorted({'fastapi', 'openai', 'httpx', 'pydantic', 'libcst'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "[]"
