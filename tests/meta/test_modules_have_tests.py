"""A module's tests are where one looks: at its mirrored path, or where the folder's README says."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
HALVES = [half for half in ("netra_backend", "migration") if (ROOT / half).is_dir()]
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.IfExp, ast.comprehension, ast.Match, ast.BoolOp)
#: From so many branches on a module has logic.
_LOGIC = 3
#: The share of modules with logic that only tests of others show. It only shrinks.
WITHOUT = 0.25


def modules():
    """The modules with logic, by path."""
    for half in HALVES:
        for file in sorted((ROOT / half).rglob("*.py")):
            tree = ast.parse(file.read_bytes())
            if not file.name.startswith("__") and sum(isinstance(node, _BRANCHES) for node in ast.walk(tree)) >= _LOGIC:
                yield file.relative_to(ROOT)


@cache
def named():
    """The dotted names that tests import or name in a string."""
    found = set()
    for file in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())) if "fixtures" not in file.parts else ():
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
    return found


def mirrored(module):
    """Where the tests of a module are looked for. The backend's leave out `app`, which holds all of it."""
    return UNIT / Path(*(part for part in module.parent.parts if part != "app"))


def has_its_own(module):
    return (mirrored(module) / f"test_{module.stem}.py").is_file() or ".".join(module.with_suffix("").parts) in named()


def is_shown(module):
    """Whether the folder's README, or the next one above it, says where the tests are; at the top it has to name the package or module."""
    top, folder = UNIT / module.parts[0], mirrored(module)
    here = next(one for one in (folder, *folder.parents) if (one / "README.md").is_file() or one == top)
    package = [part for part in module.with_suffix("").parts if part != "app"][1]
    return here != top or f"`{package}`" in (top / "README.md").read_text()


def test_every_module_with_logic_has_tests_that_one_finds():
    assert [module.as_posix() for module in modules() if not (has_its_own(module) or is_shown(module))] == []


@pytest.mark.parametrize("page", sorted(UNIT.rglob("README.md")), ids=lambda page: page.parent.relative_to(UNIT).as_posix())
def test_a_folder_names_tests_that_are_there(page):
    places = re.findall(r"`(tests/[^`]+)`", page.read_text())
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_no_greater_share_of_modules_than_now_has_no_test_of_its_own():
    every = list(modules())
    without = [module.as_posix() for module in every if not has_its_own(module)]
    assert len(without) <= WITHOUT * len(every), without
