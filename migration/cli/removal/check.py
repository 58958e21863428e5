"""`removal check`: may control of these surfaces be removed, and if not, why not?"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.consolidation.removal import SurfaceReadiness


_FINDING = 1

Surfaces = Annotated[list[str] | None, typer.Argument(metavar="[SURFACE]...", help="Only these surfaces; default: all in the manifest.")]
Root = Annotated[Path, typer.Option("--root", help="The folder with the pyproject.toml that names what belongs to control.")]


def run(surfaces: Surfaces = None, *, root: Root = Path(), as_json: JsonFlag = False) -> None:
    """Check whether control of surfaces may be removed: for every criterion, show what was found and what to do next.

    Reads the flags, the evidence and the run stores that NETRA_MIGRATION_* name, and the tree below --root. A criterion that cannot be
    checked counts as not met.

    Exit codes: 0 all surfaces are ready; 1 some criterion is not met; 2 wrong use.

    Example: netra-migration removal check chat
    """
    found = checked(surfaces, root)
    if as_json:
        print_json({"ready": all(one.ready for one in found), "surfaces": found})
    else:
        for one in found:
            _print(one)
    for one in found:
        note(f"{one.surface}: {'ready' if one.ready else f'{len(one.unmet)} of {len(one.criteria)} criteria unmet'}")
    if not all(one.ready for one in found):
        raise typer.Exit(_FINDING)


def checked(surfaces: list[str] | None, root: Path) -> "list[SurfaceReadiness]":
    """Return the readiness of each of these surfaces; None or []: all that the manifest names. A terminal shows a progress bar."""
    from migration.cli.progress import progress_bar
    from migration.consolidation.removal import RemovalCheck, load_manifest

    manifest = load_manifest(root)
    check = RemovalCheck(root=root, manifest=manifest, settings=MigrationSettings(), now=time.time())
    with progress_bar("auditing") as progress:
        return check.readiness(list(dict.fromkeys(surfaces or manifest.surfaces)), progress)


def _print(one: "SurfaceReadiness") -> None:
    rows = [[criterion.name, "yes" if criterion.met else "NO", criterion.detail] for criterion in one.criteria]
    print_table(f"{one.surface}: {'ready' if one.ready else 'not ready'}", ["criterion", "met", "what was found"], rows)
