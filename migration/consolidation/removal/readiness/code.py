"""Does anything that stays still name control or its flag? Answered by an audit of the tree."""

from collections.abc import Sequence

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.inventory import Inventory
from migration.consolidation.removal.manifest import SurfaceParts
from migration.consolidation.removal.readiness.criteria import Criterion
from migration.consolidation.removal.readiness.uses import RemainingUses, Use, files_of
from migration.flags.meaning import surface_flag_key

_SHOWN = 5


def consumers(parts: SurfaceParts, uses: RemainingUses, inventory: Inventory, configuration: AuditConfiguration) -> Criterion:
    """Return whether no import, attribute, subclass or call in what stays reaches the surface's engines."""
    known = {item.path for item in inventory.implementations}
    strangers = [path for path in parts.engines if path not in known]
    # Whatever such a file uses is missing from the audit.
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
        detail = f"{_places(uses.code)}; move them to the target, `netra-migration codemod` does what is certain."
    elif unread:
        detail = f"{len(unread)} files could not be read ({', '.join(unread[:_SHOWN])}), and may use control; see `netra-migration audit`."
    else:
        passing = f"; {', '.join(files_of(uses.passed_on))} only re-export them, and nothing uses that" if uses.passed_on else ""
        detail = f"Nothing that stays uses the engines{passing}; {len(tests)} test files go with them or are cut."
    return Criterion(name="consumers", met=not (strangers or uses.code or unread), detail=detail, evidence=evidence)


def strings(uses: RemainingUses) -> Criterion:
    """Return whether no dotted name of the surface's engines is in the remaining code or configuration."""
    detail = "No string in code or configuration names the engines."
    if uses.strings:
        detail = f"{_places(uses.strings)} by name, in strings; point them at the target."
    return Criterion(name="strings", met=not uses.strings, detail=detail, evidence={"uses": _rows(uses.strings)})


def flags(surface: str, files: Sequence[str]) -> Criterion:
    """Return whether only the migration's half knows the surface's flag."""
    key = surface_flag_key(surface)
    detail = f"Only the migration's half names `{key}`."
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
