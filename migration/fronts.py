"""The front of a package: the names that other packages may import from it. Each name is imported at its first use.

A package's `__init__` lists its names twice: as imports for type checkers, and as a table for `front`. Other packages import only from the
front, so that the modules behind it can be moved. A command line or a worker needs few of the names, and does not spend time on importing
the others.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def front(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    Args:
        package: the package's dotted name.
        modules: each name of the front -> the module that defines it, relative to the package.
    """

    def lazily(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return lazily
