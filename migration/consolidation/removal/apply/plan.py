"""The plan of a removal: what is removed, what is edited, what is left to a person. No file is written here."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from migration.consolidation.collecting import without_collector
from migration.consolidation.removal.apply.documents import cut_rows
from migration.consolidation.removal.apply.editing import Editing
from migration.consolidation.removal.apply.leftovers import find_leftovers, names_of
from migration.consolidation.removal.apply.regions import MIGRATION
from migration.consolidation.removal.apply.source import line_before, parse
from migration.consolidation.removal.apply.tables import cut_manifest
from migration.consolidation.removal.apply.tree import is_under, read_tree
from migration.consolidation.removal.apply.values import Deletion, Left, RemovalChange, RemovalPlan
from migration.consolidation.removal.apply.verification import verify_copy
from migration.consolidation.removal.manifest import RemovalManifest
from migration.errors import ConfigurationError

MANIFEST: Final = "pyproject.toml"


def plan_removal(root: Path, surfaces: Collection[str], manifest: RemovalManifest, *, whole: bool = False) -> RemovalPlan:
    """Return the plan for removing control of these surfaces from a code base.

    Args:
        root: the root of the code base; the files that version control tracks in it are read.
        surfaces: the surfaces whose control is removed.
        manifest: names the parts that belong to their control.
        whole: the migration is removed too; then `surfaces` must be all surfaces in the manifest.

    Raises:
        ConfigurationError: a file cannot be read, a marked region is wrong, or no surface would keep a control although `whole` is False.
        UnknownSurfaceError: the manifest has no such surface.
    """
    wanted = tuple(name for name in manifest.surfaces if name in {manifest.of(surface) and surface for surface in surfaces})
    staying = [name for name in manifest.surfaces if name not in wanted]
    if whole and staying:
        raise ConfigurationError(
            f"the migration is removed with the last surface, and {', '.join(staying)} would stay; name them too, or use --all"
        )
    if not whole and not staying:
        raise ConfigurationError("no surface would have a control after this, so the migration is removed too; use --all")
    files = read_tree(root)
    with without_collector():
        return _plan(files, wanted, staying, manifest, whole=whole)


def _plan(
    files: Mapping[str, bytes], surfaces: tuple[str, ...], staying: Collection[str], manifest: RemovalManifest, *, whole: bool
) -> RemovalPlan:
    roots = _roots(files, surfaces, manifest, whole=whole)  # 1 remove the named files
    going = (*surfaces, MIGRATION) if whole else surfaces
    editing = Editing(files, roots, manifest, going, staying)  # 2 regions, closure, cutting: what depends on them
    editing.run()
    if whole:
        _drop_history(files, editing, manifest)
    after = {path: cut_rows(path, data, editing.going) if path.endswith(".md") else data for path, data in editing.after.items()}
    if MANIFEST in after:
        text = cut_manifest(after[MANIFEST].decode(), surfaces, editing.going, whole=whole)  # 3 tables: the manifest itself
        after[MANIFEST] = text.encode()
    lock, broken = verify_copy(after, history=_history(manifest, whole=whole), shrink=not whole)  # 4 verification: audit a copy
    after.update(lock)
    found = [*broken, *_unreadable(after, files), *_named(after, files, editing.going, manifest, whole=whole)]
    told = [*editing.left, *(_today(item, files, after) for item in found)]
    return RemovalPlan(
        surfaces=surfaces,
        whole=whole,
        deleted=_in_order(files, editing.going, roots),
        edited=_changes(files, after),
        left=_places(told),
    )


def _roots(files: Mapping[str, bytes], surfaces: Collection[str], manifest: RemovalManifest, *, whole: bool) -> dict[str, str]:
    roots: dict[str, str] = {}
    for surface in surfaces:
        parts = manifest.of(surface)
        roots.update(dict.fromkeys(parts.engines, f"engine of {surface}"))
        roots.update(dict.fromkeys(parts.tests, f"test of {surface}"))
        roots.update({parts.adapter: f"adapter of {surface}", parts.ledger: f"ledger of {surface}"})
    if whole:
        for place in manifest.migration.paths:
            inside = f"{place.rstrip('/')}/"
            roots.update({path: f"{place} is removed with the migration" for path in files if path == place or path.startswith(inside)})
    # Files that an earlier, interrupted removal deleted no longer exist.
    return {path: reason for path, reason in roots.items() if path in files}


def _drop_history(files: Mapping[str, bytes], editing: Editing, manifest: RemovalManifest) -> None:
    """Remove the documents that describe the history of removed code."""
    told = {item.path for item in _named(editing.after, files, editing.going, manifest, whole=True)}
    for path in sorted(told):
        if is_under(path, manifest.history):
            editing.drop(path, "it describes removed code")


def _history(manifest: RemovalManifest, *, whole: bool) -> tuple[str, ...]:
    return () if whole else manifest.history


def _in_order(files: Mapping[str, bytes], going: dict[str, str], roots: dict[str, str]) -> tuple[Deletion, ...]:
    """Return the deletions in the reverse order of finding, and the roots last.

    If a removal is interrupted, the next one then still finds the remaining files.
    """
    found = [path for path in reversed(going) if path not in roots]
    ordered = (*found, *reversed(roots))
    return tuple(Deletion(path=path, reason=going[path], lines=files[path].count(b"\n")) for path in ordered)


def _changes(files: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[RemovalChange, ...]:
    changed = [path for path, data in after.items() if files[path] != data]
    # The manifest is changed last, because without it the rest of the removal would be unknown.
    return tuple(
        RemovalChange(path=path, before=files[path], after=after[path])
        for path in sorted(changed, key=lambda path: (path == MANIFEST, path))
    )


def _today(item: Left, files: Mapping[str, bytes], after: Mapping[str, bytes]) -> Left:
    """Return the place with its line number in the file before the removal."""
    return Left(path=item.path, line=line_before(files[item.path], after[item.path], item.line), advice=item.advice)


def _places(told: Iterable[Left]) -> tuple[Left, ...]:
    """Return the remaining places in order; for several findings on one line, the first one."""
    places: dict[tuple[str, int], Left] = {}
    for item in told:
        places.setdefault((item.path, item.line), item)
    return tuple(sorted(places.values()))


def _unreadable(after: Mapping[str, bytes], files: Mapping[str, bytes]) -> list[Left]:
    """Return the files that are valid now, but would not be after the removal."""
    left = []
    for path, data in after.items():
        if data == files[path]:
            continue
        if path.endswith(".py") and parse(data) is None and parse(files[path]) is not None:
            left.append(Left(path=path, line=0, advice="would not parse after the removal; mark the lines that depend on removed parts"))
        elif path.endswith(".toml"):
            try:
                tomllib.loads(data.decode())
            except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                left.append(
                    Left(
                        path=path,
                        line=0,
                        advice=f"would not be valid TOML after the removal ({error}); mark the lines that depend on removed parts",
                    )
                )
    return left


def _named(
    after: Mapping[str, bytes], files: Mapping[str, bytes], going: Mapping[str, str], manifest: RemovalManifest, *, whole: bool
) -> list[Left]:
    """Return the places that still name removed things."""
    code = [path for path in going if path.endswith(".py") and not is_under(path, (*manifest.test_folders, *manifest.migration.paths))]
    history = _history(manifest, whole=whole)
    shown = {path: data for path, data in after.items() if not is_under(path, history)}
    return list(find_leftovers(shown, names_of(going, files, code), manifest.migration.words if whole else ()))
