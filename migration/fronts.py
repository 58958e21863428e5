"""The front of a package: what others may import from it, each name brought in when it is first asked for.

A package's `__init__` lists its names twice: for type checkers, as imports, and as the table that is given here. Others import from the
front alone, so that what lies behind it can be moved. A command line or a worker needs few of the names, and pays for no other.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def front(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    Args:
        package: its dotted name.
        modules: of each of its names, the module that has it, relative to the package.
    """

    def lazily(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return lazily
