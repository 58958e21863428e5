"""The last step of a removal outside of the tree: flags that nobody asks for any more leave the flag file."""

from collections.abc import Collection
from pathlib import Path

from migration.flags.document import FlagDocument
from migration.flags.file import FlagFile
from migration.flags.surface_flag import flag_key


def remove_flags(path: Path, surfaces: Collection[str]) -> tuple[str, ...]:
    """Take the flags of these surfaces out of the flag file. Processes that were started before then fall back to what they know.

    Returns:
        The keys of the flags that were there and are gone; () without a file.

    Raises:
        FlagSourceError: the file cannot be read or written.
    """
    if not path.exists():
        return ()
    keys = {surface: flag_key(surface) for surface in surfaces}
    found: list[str] = []

    def change(document: FlagDocument) -> FlagDocument:
        found[:] = [key for key in keys.values() if key in document.raw.get("flags", {})]
        return document.without_surfaces(keys)

    FlagFile(path, ()).edit(change)
    return tuple(found)
