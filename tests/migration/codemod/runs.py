"""Runs the tests of a small project in this process, and checks what the codemod promises for it."""

import importlib
import inspect
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from migration.consolidation.codemod.plan import plan_codemod
from migration.consolidation.codemod.report.applying import apply_plan
from tests.migration.codemod.projects import Project, described


@contextmanager
def importable(root: Path) -> Iterator[None]:
    """Import from this folder, and forget afterwards what was imported."""
    before, writes = set(sys.modules), sys.dont_write_bytecode
    sys.path.insert(0, str(root))
    sys.dont_write_bytecode = True  # a file changes within the second, and with it perhaps not its size
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = writes
        sys.path_importer_cache.pop(str(root), None)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(root)):
                del sys.modules[name]


def run_tests(root: Path) -> dict[str, str]:
    """Return each test of the folder `tests`, `file::name`, with its failure; "" if it passed. `file` alone: it cannot be imported."""
    found: dict[str, str] = {}
    for file in sorted((root / "tests").glob("test_*.py")):
        with importable(root):
            try:
                module = _loaded(file)
            except BaseException:  # noqa: BLE001 - whatever a test does is its result
                found[f"tests/{file.name}"] = traceback.format_exc(limit=-3)
                continue
            for name, function in list(vars(module).items()):
                if name.startswith("test_"):
                    found[f"tests/{file.name}::{name}"] = _outcome(module, function)
    return found


def _loaded(file: Path) -> ModuleType:
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    sys.modules[file.stem] = module
    try:
        exec(compile(file.read_bytes(), str(file), "exec", dont_inherit=True), vars(module))  # noqa: S102 - a test that was written here
    finally:
        del sys.modules[file.stem]
    return module


def _outcome(module: ModuleType, function: Callable[..., Any]) -> str:
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    rows = [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]
    try:
        for row in rows:
            with ExitStack() as stack:
                function(**_arguments(module, function, row, stack))
    except BaseException:  # noqa: BLE001 - whatever a test does is its result
        return traceback.format_exc(limit=-3)
    return ""


def _arguments(module: ModuleType, function: Callable[..., Any], given: dict[str, Any], stack: ExitStack) -> dict[str, Any]:
    patched = len(getattr(function, "patchings", []))
    names = list(inspect.signature(inspect.unwrap(function)).parameters)[patched:]
    return {name: given[name] if name in given else _fixture(module, name, stack) for name in names}


def _fixture(module: ModuleType, name: str, stack: ExitStack) -> Any:
    if name == "monkeypatch":
        return stack.enter_context(pytest.MonkeyPatch.context())
    function = getattr(module, name)._get_wrapped_function()
    if inspect.isgeneratorfunction(function):
        return stack.enter_context(contextmanager(function)())
    return function()


def write(given: Project, root: Path) -> None:
    """Write the project to an empty folder."""
    for path, text in given.files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def check(given: Project, root: Path, *, again: bool = True) -> dict[str, int]:
    """Check the codemod on a project; return how many files it rewrote and left, and further counts.

    Each test that passed passes afterwards, with the legacy modules still there. Without them the tests of each piece pass of which no
    file is reported. A second run changes nothing.
    """
    write(given, root)
    before = run_tests(root)
    passed = {name for name, text in before.items() if not text}
    plan = plan_codemod(root)
    assert not plan.problems, plan.problems
    defects = [item for item in plan.advice if "report this" in item.advice and "imports a name that would be missing" not in item.advice]
    assert not defects, f"{given.seed}: {defects}\n{described(given)}"
    apply_plan(plan)

    def told(wrong: object) -> str:
        news = "\n".join(f"+++ {change.path}\n{change.after.decode()}" for change in plan.changes)
        advice = "\n".join(f"{item.path}:{item.line}: {item.advice} {item.fails}" for item in plan.advice)
        return f"project {given.seed}, {[piece.uses for piece in given.pieces]}: {wrong}\n{news}\n{advice}\n{described(given)}"

    after = run_tests(root)
    broken = {name: after.get(name, after.get(name.partition("::")[0])) for name in passed if after.get(name) != ""}
    assert not broken, told(broken)
    if again:
        second = plan_codemod(root).changes
        assert not second, told([(change.path, change.after.decode()) for change in second])
    for module in plan.legacy:
        _delete(root, module)
    left = set(plan.left)
    gone = run_tests(root)
    own = {path for piece in given.pieces for path in piece.files}
    # Importing a file runs the packages around it.
    free = (
        []
        if left - own or any(path.endswith("__init__.py") for path in left)
        else [piece.test for piece in given.pieces if not left & piece.files]
    )
    lost = {name: gone.get(name, gone.get(name.partition("::")[0])) for name in passed if gone.get(name) != ""}
    lost = {name: text for name, text in lost.items() if name.partition("::")[0] in free}
    assert not lost, told(f"without {plan.legacy}: {lost}")
    return {"rewritten": len(plan.changes), "left": len(left), "free": len(free), "useless": len(before) - len(passed)}


def _delete(root: Path, module: str) -> None:
    path = root / module.replace(".", "/")
    if path.is_dir():
        (path / "__init__.py").unlink()
    else:
        path.with_suffix(".py").unlink()


def check_in(folder: Path, given: Project, *, again: bool = True) -> dict[str, int]:
    """Check the codemod on a project in a folder that is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return check(given, folder, again=again)
