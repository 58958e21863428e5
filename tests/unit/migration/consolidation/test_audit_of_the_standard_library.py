"""The audit of code that nobody wrote for it: Python's own, counted a second time by `ast` alone."""

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration.consolidation.auditing import audit
from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.inventory import Inventory

LIBRARY = Path(sysconfig.get_paths()["stdlib"]).resolve()
LEFT_OUT = ("site-packages", "dist-packages")
MODULE = "socketserver"


@pytest.fixture(scope="module")
def library() -> Inventory:
    """Every class of the library that is called a server, or inherits from the one of `socketserver`."""
    configuration = AuditConfiguration(
        base=str(LIBRARY), explicit=True, target=f"{MODULE}:BaseServer", factory="nobody:Nothing", classes=("*Server",), exclude=LEFT_OUT
    )
    return audit(LIBRARY, configuration=configuration)


def files() -> Iterator[Path]:
    return (path for path in LIBRARY.rglob("*.py") if not path.is_symlink() and not set(LEFT_OUT) & set(path.parts))


def imports_of_the_module(path: Path) -> Iterator[int]:
    """Yield the lines of the file's import statements that name the module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None)]
        if isinstance(node, ast.Import | ast.ImportFrom) and MODULE in names:
            yield node.lineno


def test_every_file_is_looked_at(library):
    assert library.files >= 500
    # Folders called `build` and the like are left out.
    assert 0.95 * sum(1 for _ in files()) <= library.files


def test_the_classes_that_inherit_from_the_target_are_found_wherever_they_are(library):
    assert {"socketserver", "http.server", "xmlrpc.server", "wsgiref.simple_server"} <= {item.module for item in library.implementations}


def test_every_import_statement_that_ast_finds_is_found(library):
    wanted = {
        f"{path.relative_to(LIBRARY).as_posix()}:{line}"
        for path in files()
        if MODULE.encode() in path.read_bytes() and path.stem != MODULE
        for line in imports_of_the_module(path)
    }
    assert len(wanted) >= 4
    assert {f"{item.path}:{item.line}" for item in library.imports if MODULE in item.reaches} == wanted
