"""The modules that a file may import, found in its text: most files of a tree need not be parsed for that."""

from collections.abc import Iterator

from migration.consolidation.reading.scan import imported_names
from migration.consolidation.sources.modules import ModuleNames


def named_modules(data: bytes, path: str, modules: ModuleNames) -> Iterator[str]:
    """Yield the modules that the import statements may name, absolute. Names of other objects are among them, as `b` of `from a import b`.

    Args:
        data: the file's bytes.
        path: the file's path, to which relative imports belong.
        modules: the modules of the tree.
    """
    for written, names in imported_names(data):
        level = len(written) - len(written.lstrip("."))
        module = modules.absolute(path, level, written[level:]) if written else ""
        yield module
        yield from (f"{module}.{name}" if written else modules.absolute(path, 0, name) for name in names)
