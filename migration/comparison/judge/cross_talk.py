"""Handles differences that exist because control mixed up runs: they say nothing about the candidate.

Legacy engines share state between runs, but the shadow replays each run alone. The scan for other people's data (`migration.isolation`)
finds the events of control that contain such data, and the places in them. It reports each kind of data once, as control's defect. The scan
also finds events of this run that control sent to other runs. If control lacks them here, they are reported as lost.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from migration.comparison.describe.findings import Finding
from migration.comparison.paths import text
from migration.comparison.read.canonical import UndecodableError, decode_object
from migration.comparison.read.normalise import Normaliser
from migration.comparison.read.outline import agent_of
from migration.comparison.read.stream import Stream
from migration.model import Event, RunRecord

CrossTalk = Collection[tuple[int, str]]
"""The places where events of control contain other people's data: the event's index, and a path in it such as
`tool_executing.payload.note`.
"""

_Places = Mapping[int, Collection[str]]

_UNMATCHED = frozenset({"missing_event", "duplicate_event"})
_VALUES = frozenset({"payload", "terminal_state", "error", "isolation_breach"})


def without_cross_talk(found: Iterable[Finding], control: RunRecord, talk: CrossTalk) -> list[Finding]:
    """Return the findings about events, without findings that control's cross-talk explains.

    It explains three kinds: an event with other people's data that the candidate does not send; all events of a tool call with such data,
    if the candidate makes no such call; and a value that is such data, unless the candidate's value is too. Other differences of the same
    event stay.
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
    """Return whether a whole lane belongs to another run: a call if at least one of its events does, an agent only if all its events do."""
    if agent_of(lane) != lane:
        return any(control.events[index].lane == lane for index in talk)
    return all(index in talk for index, event in enumerate(control.events) if agent_of(event.lane) == lane)


def _holds(path: str, places: Iterable[str]) -> bool:
    """Return whether one of these places is at the path or below it."""
    return any(place == path or place.startswith((f"{path}.", f"{path}[")) for place in places)


def _names_another(finding: Finding, control: RunRecord) -> bool:
    """Return whether the candidate's value is other people's data too: cross-talk of control must not hide an error of the candidate."""
    request = control.request
    own = [request.tenant_id, request.user_id, request.thread_id, request.run_id, msgspec.UNSET]  # a list: the value may be any JSON
    return finding.kind == "isolation_breach" and finding.candidate not in own


_Form = tuple[str, bytes]
"""An event's kind and canonical form."""


def with_losses(found: Sequence[Finding], candidate: Stream, lost: Sequence[Event], normaliser: Normaliser) -> list[Finding]:
    """Return the findings. An event that control lacks becomes `control_cross_talk` if control sent it to another run.

    Each event that was found in another stream explains one missing event, which must be equal under the policy.
    """
    if not lost:
        return list(found)
    elsewhere = Counter(form for form in (_form(event, normaliser) for event in lost) if form is not None)
    return [
        msgspec.structs.replace(finding, kind="control_cross_talk") if _was_lost(finding, candidate, elsewhere) else finding
        for finding in found
    ]


def _was_lost(finding: Finding, candidate: Stream, elsewhere: Counter[_Form]) -> bool:
    index = finding.at[1]
    if finding.kind != "extra_event" or finding.control is not msgspec.UNSET or index is None:
        return False
    indexes = candidate.lanes[finding.lane] if finding.detail == "whole_lane" else [index]
    wanted = Counter((candidate.kinds[one], candidate.frames.normal(one).canonical) for one in indexes)
    if not wanted <= elsewhere:
        return False
    elsewhere.subtract(wanted)
    return True


def _form(event: Event, normaliser: Normaliser) -> _Form | None:
    try:
        return event.kind, normaliser.event(event.kind, decode_object(event.payload)).canonical
    except (UndecodableError, RecursionError):
        return None
