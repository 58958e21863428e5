"""Finds which modules are removed: the named modules, and the modules that only they need."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath


def going_modules(edges: Mapping[str, Collection[str]], roots: Collection[str], needed: Collection[str]) -> dict[str, str]:
    """Return the modules to remove in the order in which they are reached, each with the module that causes it; a root causes itself.

    A module is removed if a removed module imports it and no remaining module does. So a module that is already unused is not removed, and
    modules that import each other are removed together.

    Args:
        edges: file -> files that it imports, without tests, because a test does not keep a module.
        roots: the modules that are removed in any case.
        needed: the modules that stay in any case, e.g. because a configuration file names them.
    """
    going: dict[str, str] = {}
    roots = list(roots)
    while True:
        going = _closure(edges, roots, needed)
        empty = [init for init in edges if init not in going and _is_empty_package(init, edges, going)]
        if not empty:
            return going
        roots += empty


def _closure(edges: Mapping[str, Collection[str]], roots: Iterable[str], needed: Collection[str]) -> dict[str, str]:
    reached = {root: root for root in roots}
    pending = list(reached)
    fixed = frozenset(reached)
    for importer in pending:
        for target in sorted(edges.get(importer, ())):
            if target not in reached and target not in needed and not target.endswith("/__init__.py"):
                reached[target] = importer
                pending.append(target)
    staying = [path for path in edges if path not in reached]
    for path in staying:
        for target in edges[path]:
            if target in reached and target not in fixed:
                del reached[target]
                staying.append(target)
    return reached


def _is_empty_package(init: str, edges: Mapping[str, Collection[str]], going: Collection[str]) -> bool:
    """Return whether all modules of a package are removed and only its `__init__.py` is left."""
    if not init.endswith("/__init__.py"):
        return False
    folder = f"{PurePosixPath(init).parent}/"
    others = [path for path in edges if path.startswith(folder) and path != init]
    return bool(others) and all(path in going for path in others)
