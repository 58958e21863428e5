"""The places of the key of a surface's flag: outside the migration's half nothing may read it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.removal.manifest import CERTIFICATE_NAME
from migration.consolidation.removal.tracked import tracked_files
from migration.consolidation.sources.discovery import discover
from migration.consolidation.sources.workers import read_bytes
from migration.errors import ConfigurationError
from migration.flags.meaning import surface_flag_key

#: Folders and files of the half that is removed, and files about it, such as a certificate in its own tree.
ALLOWED: Final = (CERTIFICATE_NAME, "migration/", "dashboards/", "ledger/", "docs/", "tests/", "changelog.d/", "README.md", "CHANGELOG.md")


def flag_references(
    root: Path, configuration: AuditConfiguration, surfaces: Sequence[str], home: Path | None = None
) -> dict[str, list[str]]:
    """Return for each surface the files outside of `ALLOWED` that hold its flag's key, sorted.

    Python, configuration and documents are searched as text. In a work tree of Git only tracked files are searched, because
    the flag file of a backend that was started in this folder would look like a reference.

    Args:
        root: of the code base.
        configuration: what an audit looks at.
        surfaces: whose flags.
        home: the migration's own folder, where its flag file and what it last read of flags lie; None: it is known to be elsewhere.

    Raises:
        ConfigurationError: a file cannot be read, so nothing can be said.
    """
    found: dict[str, list[str]] = {surface: [] for surface in surfaces}
    tree = discover(root, configuration)
    tracked = tracked_files(root)
    allowed = (*ALLOWED, *_beneath(root, home))
    keys = {surface: surface_flag_key(surface).encode() for surface in surfaces}
    for file in sorted((*tree.python, *tree.configuration, *tree.documents), key=lambda one: one.path):
        if file.path.startswith(allowed) or (tracked is not None and file.path not in tracked):
            continue
        data = read_bytes(root, file.path)
        if not isinstance(data, bytes):
            raise ConfigurationError(
                f"{file.path}: cannot be read ({data.detail}); make it readable, so that flag keys can be sought in it"
            )
        for surface, key in keys.items():
            if key in data:
                found[surface].append(file.path)
    return found


def _beneath(root: Path, home: Path | None) -> list[str]:
    if home is None or not home.resolve().is_relative_to(root.resolve()):
        return []
    return [f"{home.resolve().relative_to(root.resolve()).as_posix()}/"]
