"""The fronts of packages: their two lists of names agree, and each name leads to what it says."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

import migration
from migration.fronts import front

ROOT = Path(migration.__file__).parent
FRONTS = [path for path in sorted(ROOT.rglob("__init__.py")) if "front(" in path.read_text(encoding="utf-8")]


def package_of(path):
    return ".".join(("migration", *path.parent.relative_to(ROOT).parts))


def checked(path):
    """Return each name that type checkers see, with its module, relative to the package."""
    package, tree = package_of(path), ast.parse(path.read_text(encoding="utf-8"))
    [guard] = [node for node in tree.body if isinstance(node, ast.If)]
    return {alias.name: node.module.removeprefix(f"{package}.") for node in guard.body for alias in node.names}


def table(path):
    """Return each name of the table, with its module."""
    [found] = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Dict)]
    return ast.literal_eval(found)


@pytest.mark.parametrize("path", FRONTS, ids=package_of)
def test_both_lists_of_a_front_agree_and_each_name_is_there(path):
    package = importlib.import_module(package_of(path))
    assert checked(path) == table(path)
    assert sorted(package.__all__) == sorted(table(path))
    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []


@pytest.mark.parametrize("path", FRONTS, ids=package_of)
def test_no_name_of_a_front_is_called_like_a_module_behind_it(path):
    modules = {entry.stem for entry in path.parent.iterdir()}
    assert modules.isdisjoint(table(path))  # once it was imported, the module would be what the name stands for


def test_a_name_that_a_front_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'migration\.stores' has no attribute 'Nothing'"):
        front("migration.stores", {"Lag": "outbox"})("Nothing")


def test_what_lies_behind_each_front_is_held_private_by_a_contract():
    contracts = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = {name for one in contracts if one["type"] == "protected" for name in one["protected_modules"]}
    packages = {package_of(path) for path in ROOT.glob("*/__init__.py")} - {"migration.adapters"}  # each of its files is public
    assert {f"{package}.*" for package in packages} - held == set()
