"""A digest of the state for which a surface's certificate is valid. A clean clone has the same digest."""

import hashlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import msgspec

from migration.consolidation.auditing import audit
from migration.consolidation.configuration import load_configuration
from migration.consolidation.removal.manifest import RemovalManifest, SurfaceParts
from migration.consolidation.removal.readiness.flag_keys import flag_references
from migration.consolidation.removal.uses import RemainingUses, uses_of


def digests(root: Path, manifest: RemovalManifest, surfaces: Collection[str], home: Path | None = None) -> dict[str, str]:
    """Return for each surface a SHA-256, in hex, over everything in the tree that its certificate depends on.

    These are: the content of its engines, adapter and ledger; its rows in the manifest and the manifest's thresholds; the audit's
    configuration; the remaining files that use the engines, how and how often; and the files outside the migration that contain the flag's
    key. The removal of another surface changes none of these.

    Args:
        root: the root of the tree.
        manifest: names the parts that belong to each surface.
        surfaces: the surfaces whose digests are returned.
        home: see `flag_references`.

    Raises:
        UnknownSurfaceError: the manifest has no such surface.
        ConfigurationError: the tree cannot be audited.
    """
    root = root.resolve()
    parts = {surface: manifest.of(surface) for surface in surfaces}
    configuration = load_configuration(root)
    # No cache is used: a certificate must not depend on the stored results of an earlier run.
    inventory = audit(root, configuration=configuration)
    flags = flag_references(root, configuration, list(parts), home)
    sought = [*configuration.classes, *configuration.exclude, *configuration.doubles]
    return {
        surface: _digest(
            manifest=[str(manifest.days), str(manifest.max_divergence), msgspec.json.encode(own, order="sorted").decode()],
            files=_files(root, own),
            sought=sought,
            uses=_uses(uses_of(own, inventory, configuration)),
            flags=flags[surface],
        )
        for surface, own in parts.items()
    }


def _files(root: Path, parts: SurfaceParts) -> list[str]:
    return [f"{path} {_content(root / path)}" for path in sorted((*parts.engines, parts.adapter, parts.ledger))]


def _content(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return "missing"


def _uses(uses: RemainingUses) -> list[str]:
    """Return the uses of each file, with their number.

    Lines are left out, because other edits move them. Tests are left out, because they are removed too.
    """
    counted = Counter(f"{use.path} {use.kind} {use.module}" for use in (*uses.code, *uses.passed_on, *uses.strings))
    return [f"{use} {times}" for use, times in sorted(counted.items())]


def _digest(**parts: list[str]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
