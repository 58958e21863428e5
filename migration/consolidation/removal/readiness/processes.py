"""Whether a running process still has control of a surface. The reports of the processes give the answer."""

from collections.abc import Sequence
from typing import Any, Final

from migration.consolidation.removal.readiness.criteria import Criterion
from migration.processes import Told, Unreadable

_SHOWN: Final = 5
_RUNNING: Final = ("live", "silent")


def processes(surface: str, reports: Sequence[Told], unreadable: Sequence[Unreadable]) -> Criterion:
    """Return the criterion that no running process has control of the surface.

    A process has control of the surfaces that it reports. A silent process counts as running, because it may only be unable to report. No
    report at all does not meet the criterion, because then nothing was looked at.

    Args:
        surface: the surface.
        reports: the reports of the last seven days, of servers and workers, also of those that have ended.
        unreadable: the running processes whose report another version wrote in another form.
    """
    running = [one for one in reports if one.state in _RUNNING]
    have = [one for one in running if surface in one.row.surfaces]
    ended = len(reports) - len(running)
    evidence = {
        "with_control": [_seen(surface, one) for one in have],
        "without_control": [one.row.name for one in running if one not in have],
        "unreadable": [one.name for one in unreadable],
        "ended": ended,
        "lost": [one.row.name for one in reports if one.state == "lost"],
    }
    if have:
        detail = (
            f"{len(have)} running {'process has' if len(have) == 1 else 'processes have'} control "
            f"({_listed([_named(surface, one) for one in have])}); "
            f"deploy a build without it, which `netra-migration removal apply {surface} --into DIR` writes, or stop them."
        )
    elif unreadable:
        detail = (
            f"The reports of {_listed([one.name for one in unreadable])} cannot be read, because another version wrote them; "
            "they may have control; update or stop these processes."
        )
    elif not reports:
        detail = (
            "No process has reported in the last seven days, so it is not known what runs; check NETRA_MIGRATION_EVIDENCE_URL, "
            "and let the backend run."
        )
    else:
        rest = f"; {ended} ended in the last seven days" if ended else ""
        detail = f"No running process has control: {len(running)} run without it{rest}."
    return Criterion(name="processes", met=bool(reports) and not have and not unreadable, detail=detail, evidence=evidence)


def _seen(surface: str, one: Told) -> dict[str, Any]:
    row = one.row
    return {
        "name": row.name,
        "state": one.state,
        "code_version": row.code_version,
        "stages": row.shares.get(surface, {}),
        "kill_switch": row.emergency or row.kill_switch.get(surface, False),
    }


def _named(surface: str, one: Told) -> str:
    """Return the name of a process and, if it does not serve every tenant at `complete`, at which stages it serves."""
    stages = [stage for stage, percent in one.row.shares.get(surface, {}).items() if percent and stage != "complete"]
    return f"{one.row.name}, at {', '.join(f'`{stage}`' for stage in stages)}" if stages else one.row.name


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
