"""The last step of a removal: unused flags are removed from the flag file, which is not part of the tree."""

from collections.abc import Collection
from pathlib import Path

from migration.flags.editors import FileEditor
from migration.flags.meaning import surface_flag_key


def remove_flags(path: Path, surfaces: Collection[str]) -> tuple[str, ...]:
    """Remove the flags of these surfaces from the flag file. Processes that already run continue with the flags that they know.

    Returns:
        The keys of the removed flags; () if there is no file.

    Raises:
        EditConflictError: the file was edited in between.
        FlagSourceError: the file cannot be read or written.
    """
    editor = FileEditor(path)
    read = editor.read()
    known = {*read.data.flags, *(problem.key for problem in read.problems if problem.kind == "flag")}
    found = tuple(key for key in map(surface_flag_key, surfaces) if key in known)
    if found:
        editor.remove(read, found)
    return found
