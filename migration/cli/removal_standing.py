"""What `status` says of removal: little, and quickly. `removal check` says all, and audits the code for it."""

from collections.abc import Sequence
from pathlib import Path

from migration.consolidation.removal.manifest import load_manifest
from migration.consolidation.removal.readiness.criteria import Criterion
from migration.consolidation.removal.readiness.production import Production
from migration.errors import ConfigurationError
from migration.settings import MigrationSettings


def removal_standing(settings: MigrationSettings, surfaces: Sequence[str], now: float) -> dict[str, str]:
    """Return for each surface how far it is from removal, as far as no audit is needed to know.

    Args:
        settings: name flags, evidence and run stores.
        surfaces: those that the manifest in the working directory does not name are left out; without a manifest all are.
        now: Unix seconds.
    """
    root = Path()
    try:
        manifest = load_manifest(root)
    except ConfigurationError:
        return {}
    with Production(root, manifest, settings, now=now) as production:
        return {surface: _standing(production.criteria(surface)) for surface in surfaces if surface in manifest.surfaces}


def _standing(criteria: Sequence[Criterion]) -> str:
    unmet = [one.name for one in criteria if not one.met]
    if not unmet:
        return f"{len(criteria)} of {len(criteria)} criteria met; `removal check` looks at the code, too"
    return f"{len(unmet)} of {len(criteria)} criteria unmet: {', '.join(unmet)}; the code was not looked at"
