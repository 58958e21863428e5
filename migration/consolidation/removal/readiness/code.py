"""Whether a remaining file still names control or its flag. An audit of the tree gives the answer."""

from collections.abc import Sequence

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.inventory import Inventory
from migration.consolidation.removal.manifest import SurfaceParts
from migration.consolidation.removal.readiness.criteria import Criterion
from migration.consolidation.removal.uses import RemainingUses, Use, files_of
from migration.flags.meaning import surface_flag_key

_SHOWN = 5


def consumers(parts: SurfaceParts, uses: RemainingUses, inventory: Inventory, configuration: AuditConfiguration) -> Criterion:
    """Return the criterion that no import, attribute, subclass or call in the remaining files uses the surface's engines."""
    known = {item.path for item in inventory.implementations}
    strangers = [path for path in parts.engines if path not in known]
    # The audit could not read these files, so their uses are missing.
    unread = [one.path for one in inventory.problems if not set(one.path.split("/")[:-1]) & set(configuration.doubles)]
    tests = files_of(uses.tests)
    evidence = {
        "uses": _rows(uses.code),
        "passed_on": _rows(uses.passed_on),
        "tests": tests,
        "not_read": unread,
        "unknown_engines": strangers,
    }
    if strangers:
        detail = f"The audit knows no implementation in {', '.join(strangers)}, so it cannot find its users; correct the manifest."
    elif uses.code:
        detail = f"{_places(uses.code)}; move them to the target; `netra-migration codemod` rewrites the uses that are certain."
    elif unread:
        detail = f"{len(unread)} files could not be read ({', '.join(unread[:_SHOWN])}), and may use control; see `netra-migration audit`."
    else:
        passing = f"; {', '.join(files_of(uses.passed_on))} only re-export them, and no file uses the re-exports" if uses.passed_on else ""
        detail = f"No remaining file uses the engines{passing}; {len(tests)} test files are removed with them or are cut."
    return Criterion(name="consumers", met=not (strangers or uses.code or unread), detail=detail, evidence=evidence)


def strings(uses: RemainingUses) -> Criterion:
    """Return the criterion that the remaining code and configuration contain no dotted name of the surface's engines."""
    detail = "No string in code or configuration names the engines."
    if uses.strings:
        detail = f"{_places(uses.strings)} in strings; replace these names by the target's."
    return Criterion(name="strings", met=not uses.strings, detail=detail, evidence={"uses": _rows(uses.strings)})


def flags(surface: str, files: Sequence[str]) -> Criterion:
    """Return the criterion that only the migration and its documents contain the key of the surface's flag."""
    key = surface_flag_key(surface)
    detail = f"No file outside the migration contains `{key}`."
    if files:
        detail = f"`{key}` is in {', '.join(files[:_SHOWN])}{_more(files)}; only the facade may use it."
    return Criterion(name="flags", met=not files, detail=detail, evidence={"key": key, "files": list(files)})


def _rows(uses: Sequence[Use]) -> list[str]:
    return [f"{use.path}:{use.line}: {use.kind} of {use.module}" for use in uses]


def _places(uses: Sequence[Use]) -> str:
    places = [f"{use.path}:{use.line}" for use in uses]
    names = "place still names" if len(uses) == 1 else "places still name"
    return f"{len(uses)} {names} the engines ({', '.join(places[:_SHOWN])}{_more(places)})"


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
