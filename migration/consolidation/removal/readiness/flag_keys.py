"""Finds the files that contain the key of a surface's flag. No file outside the migration may use this key."""

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

#: Folders and files of the migration and its documents, and a certificate in its own tree.
ALLOWED: Final = (CERTIFICATE_NAME, "migration/", "dashboards/", "ledger/", "docs/", "tests/", "changelog.d/", "README.md", "CHANGELOG.md")


def flag_references(
    root: Path, configuration: AuditConfiguration, surfaces: Sequence[str], home: Path | None = None
) -> dict[str, list[str]]:
    """Return for each surface the files outside `ALLOWED`, sorted, that contain its flag's key.

    Python, configuration and documents are searched as text. In a Git work tree only tracked files are searched: the flag file of a backend
    that was started in this folder is not a reference.

    Args:
        root: the root of the code base.
        configuration: defines the files that an audit reads.
        surfaces: the surfaces whose flag keys are searched.
        home: the migration's own folder, which is skipped because it contains the flag file and the last known flags; None: it is outside
            `root`.

    Raises:
        ConfigurationError: a file cannot be read, so the result would not be certain.
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
                f"{file.path}: cannot be read ({data.detail}); make it readable, so that it can be searched for flag keys"
            )
        for surface, key in keys.items():
            if key in data:
                found[surface].append(file.path)
    return found


def _beneath(root: Path, home: Path | None) -> list[str]:
    if home is None or not home.resolve().is_relative_to(root.resolve()):
        return []
    return [f"{home.resolve().relative_to(root.resolve()).as_posix()}/"]
