"""The trees that are drawn at the top of the two `errors.py` are those of the classes below them."""

import inspect
import re

import pytest

from migration import errors as of_the_migration
from netra_backend.app import errors as of_the_backend

_LINE = re.compile(r"^(?P<branch>[│ ├└─]*)(?P<name>\w+Error)\b(?: \((?P<also>\w+)\))?")


def drawn(module):
    """Return each name of the drawing with the name above it."""
    above, found = {}, {}
    for line in module.__doc__.splitlines():
        if match := _LINE.match(line):
            depth = len(match["branch"]) // 4
            above[depth] = match["name"]
            found[match["name"]] = above.get(depth - 1)
    return found


def defined(module):
    """Return each exception of the module with the one of the module that it derives from."""
    classes = [item for item in vars(module).values() if inspect.isclass(item) and issubclass(item, Exception)]
    own = [item for item in classes if item.__module__ == module.__name__]
    return {item.__name__: next((base.__name__ for base in item.__bases__ if base in own), None) for item in own}


@pytest.mark.parametrize("module", [of_the_backend, of_the_migration], ids=lambda module: module.__name__)
def test_the_drawing_has_every_error_below_the_one_that_it_derives_from(module):
    assert drawn(module) == defined(module)


@pytest.mark.parametrize("module", [of_the_backend, of_the_migration], ids=lambda module: module.__name__)
def test_every_error_has_a_sentence_of_its_own(module):
    assert [name for name in defined(module) if not (vars(getattr(module, name)).get("__doc__") or "").strip()] == []
