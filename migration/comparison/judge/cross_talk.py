"""What differs because control's stream held somebody else's events or values: it says nothing about the candidate.

Legacy engines share state between the runs that they serve, and the shadow replays each run alone. The scan for other people's data
(`migration.isolation`) says which events of control hold any, and where; it reports them as control's own, once for each kind.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from migration.comparison.describe.findings import Finding
from migration.comparison.paths import text
from migration.comparison.read.outline import agent_of
from migration.model import RunRecord

CrossTalk = Collection[tuple[int, str]]
"""Where events of control hold somebody else's data: the event's index, and a path in it such as `tool_executing.payload.note`."""

_Places = Mapping[int, Collection[str]]

_UNMATCHED = frozenset({"missing_event", "duplicate_event"})
_VALUES = frozenset({"payload", "terminal_state", "error", "isolation_breach"})


def without_cross_talk(found: Iterable[Finding], control: RunRecord, talk: CrossTalk) -> list[Finding]:
    """Return the findings about events, less those that control's cross-talk explains.

    These are: an event that holds other people's data, and that the candidate does not send; the other events of a tool call that holds
    some, if the candidate makes no such call; and a value that is somebody else's, unless the candidate's is too. Any other difference
    of the same event stays.
    """
    places: dict[int, list[str]] = {}
    for index, path in talk:
        places.setdefault(index, []).append(path)
    return [finding for finding in found if not _explained(finding, control, places)]


def _explained(finding: Finding, control: RunRecord, talk: _Places) -> bool:
    index = finding.at[0]
    if index is None:
        return False
    if finding.detail == "whole_lane":
        return finding.candidate is msgspec.UNSET and _is_of_others(finding.lane, control, talk)
    if index not in talk:
        return False
    if finding.kind in _UNMATCHED:
        return finding.candidate is msgspec.UNSET
    return finding.kind in _VALUES and _holds(text(finding.path), talk[index]) and not _names_another(finding, control)


def _is_of_others(lane: str, control: RunRecord, talk: _Places) -> bool:
    """Tell whether a whole lane is somebody else's: a call as soon as one of its events is, an agent when all of them are."""
    if agent_of(lane) != lane:
        return any(control.events[index].lane == lane for index in talk)
    return all(index in talk for index, event in enumerate(control.events) if agent_of(event.lane) == lane)


def _holds(path: str, places: Iterable[str]) -> bool:
    """Tell whether one of these places is at the path or below it."""
    return any(place == path or place.startswith((f"{path}.", f"{path}[")) for place in places)


def _names_another(finding: Finding, control: RunRecord) -> bool:
    """Tell whether the candidate names somebody else there as well: what it does wrong is never hidden by control."""
    request = control.request
    own = {request.tenant_id, request.user_id, request.thread_id, request.run_id, msgspec.UNSET}
    return finding.kind == "isolation_breach" and finding.candidate not in own
