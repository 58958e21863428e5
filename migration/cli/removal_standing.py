"""What `status` shows about removal, without slow checks. `removal check` shows everything, and audits the code for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from migration.cli.process_status import SurfaceStanding
from migration.consolidation.removal import load_manifest
from migration.errors import ConfigurationError
from migration.model import Stage
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.consolidation.removal import Criterion

_ALL = 100.0


def removal_standing(settings: MigrationSettings, standings: Mapping[str, SurfaceStanding], now: float) -> dict[str, str]:
    """Return for each surface what is missing before control can be removed, as far as this is known without an audit.

    The criteria are evaluated only if processes report that every tenant is at `complete`; otherwise the result says that this is missing.

    Args:
        settings: where flags, evidence and run stores are.
        standings: the state of each surface, as processes report it. Surfaces that the manifest in the working directory does not name
            are left out; so are all surfaces if there is no manifest.
        now: Unix seconds.
    """
    root = Path()
    try:
        manifest = load_manifest(root)
    except ConfigurationError:
        return {}
    named = {surface: standing for surface, standing in standings.items() if surface in manifest.surfaces}
    found = {surface: _missing(standing) for surface, standing in named.items()}
    if None in found.values():
        from migration.consolidation.removal import Production

        with Production(root, manifest, settings, now=now) as production:
            return {surface: missing or _standing(production.criteria(surface)) for surface, missing in found.items()}
    return {surface: missing for surface, missing in found.items() if missing is not None}


def _missing(standing: SurfaceStanding) -> str | None:
    """Return a sentence if some tenant is not at `complete`, or if this is not known; None: all are, as far as processes report."""
    if standing.stage is None or standing.percent is None:
        return "not known: no process reports where its tenants are; `removal check` asks the flags"
    elsewhere = [stage for stage, tenants in standing.tenants.items() if tenants and stage != Stage.COMPLETE.value]
    if standing.stage is Stage.COMPLETE and standing.percent == _ALL and not elsewhere:
        return None
    return "not every tenant is at `complete`; `removal check` shows what else is missing"


def _standing(criteria: "Sequence[Criterion]") -> str:
    unmet = [one.name for one in criteria if not one.met]
    if not unmet:
        return f"{len(criteria)} of {len(criteria)} criteria met; `removal check` also checks the code"
    return f"{len(unmet)} of {len(criteria)} criteria unmet: {', '.join(unmet)}; the code was not checked"
