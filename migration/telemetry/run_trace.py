"""The trace of one run, built from its record: `migration.run` or `migration.shadow`, `invoke_agent`, `chat`, `execute_tool`.

A record has the calls of a run with their times, so nothing is measured twice, and nothing is built for a run that is not kept.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from migration.model import Effect, Event, Origin, RunRecord
from migration.telemetry import spans
from migration.telemetry.names import KnownNames, agent_of
from migration.telemetry.replies import facts_of
from migration.telemetry.traced import CLIENT, INTERNAL, Ids, SpanEvent, TracedSpan, Value, derived

_CALLS: Final = {"model": spans.CHAT, "tool": spans.EXECUTE_TOOL}
_NOTHING: Final[Mapping[str, Value]] = {}
_MOST_SHARED: Final = 5_000

NewSpanId = Callable[[], int]
"""Returns a new id of a span."""


class Shared:
    """Attributes that many spans have, kept so that equal ones are the same object."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Mapping[str, Value]] = {}

    def get(self, operation: str, name: str, origin: Origin, role: str) -> Mapping[str, Value]:
        """Return the attributes of an operation's spans."""
        key = (operation, name, origin, role)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST_SHARED:
                self._kept.clear()
            found = self._kept[key] = self._made(operation, name, origin, role)
        return found

    @staticmethod
    def _made(operation: str, name: str, origin: Origin, role: str) -> Mapping[str, Value]:
        named = {spans.INVOKE_AGENT: spans.AGENT, spans.CHAT: spans.MODEL, spans.EXECUTE_TOOL: spans.TOOL}[operation]
        told: dict[str, Value] = {spans.OPERATION: operation, named: name, spans.ORIGIN: origin.value, spans.ROLE: role}
        if operation == spans.EXECUTE_TOOL:
            told[spans.TOOL_TYPE] = "function"
        return told


class RootSpan(NamedTuple):
    """The span around a run."""

    name: str
    ids: Ids
    parent_id: int
    started_ns: int
    ended_ns: int
    role: str  #: "serving" or "shadowing"
    scale: float = 1.0  #: real seconds for each second in the record, which is virtual for a shadow
    new_span_id: NewSpanId | None = None  #: None: ids are derived from the root's


class _Calls(NamedTuple):
    """What the calls of a run add up to."""

    built: list[TracedSpan]
    retries: int
    refusals: int


def run_spans(root: RootSpan, record: RunRecord, about: Mapping[str, Value], names: KnownNames, shared: Shared) -> Iterator[TracedSpan]:
    """Yield the spans of a run, the root last.

    Args:
        root: the span around the run.
        record: the run.
        about: attributes of the root; those of feature flags become its event.
        names: names that may be shown.
        shared: attributes of other spans.
    """
    names.learn(record)
    calls = [effect for effect in record.journal if effect.kind in _CALLS]
    agents = _agents(record.events, calls)
    ids = _ids(root)
    agent_ids = {agent: next(ids) for agent in agents}
    told = _told(root, calls, agent_ids, ids, lambda *what: _named(what, record.origin, root.role, names, shared))
    yield from told.built
    for agent, (began_s, ended_s) in agents.items():
        name = names.shown("agent", agent)
        yield TracedSpan(
            name=f"{spans.INVOKE_AGENT} {name}",
            ids=Ids(root.ids.trace_id, agent_ids[agent]),
            parent_id=root.ids.span_id,
            started_ns=_at(root, began_s),
            ended_ns=_at(root, ended_s),
            shared=shared.get(spans.INVOKE_AGENT, name, record.origin, root.role),
            own=_NOTHING,
        )
    yield _root(root, record, about, told)


def _root(root: RootSpan, record: RunRecord, about: Mapping[str, Value], told: _Calls) -> TracedSpan:
    flag = {key: value for key, value in about.items() if key.startswith("feature_flag.")}
    own = {key: value for key, value in about.items() if key not in flag}
    own |= {spans.ORIGIN: record.origin.value, spans.ROLE: root.role}
    if told.retries:
        own[spans.RETRIES] = told.retries
    if told.refusals:
        own[spans.REFUSALS] = told.refusals
    if record.error is not None:
        own[spans.ERROR] = record.error.type
    return TracedSpan(
        name=root.name,
        ids=root.ids,
        parent_id=root.parent_id,
        started_ns=root.started_ns,
        ended_ns=root.ended_ns,
        shared=_NOTHING,
        own=own,
        failed=own.get(spans.OUTCOME, record.outcome) not in ("completed", "cancelled"),
        events=(SpanEvent(spans.EVALUATION, root.started_ns, flag),) if flag else (),
    )


def _named(what: tuple[str, str, str], origin: Origin, role: str, names: KnownNames, shared: Shared) -> tuple[str, Mapping[str, Value]]:
    """Return the name of a span and its shared attributes; `what`: the operation, and kind and name of the effect."""
    operation, name = what[0], names.shown(what[1], what[2])
    return f"{operation} {name}", shared.get(operation, name, origin, role)


def _told(
    root: RootSpan,
    calls: Iterable[Effect],
    agents: Mapping[str, int],
    ids: Iterator[int],
    named: Callable[[str, str, str], tuple[str, Mapping[str, Value]]],
) -> _Calls:
    failed: dict[tuple[str, str, str, bytes | None], int] = {}
    told, retries, refusals = [], 0, 0
    for effect in calls:
        same = (effect.kind, effect.name, effect.lane, effect.request)
        attempt = failed.get(same, 0) + 1
        if effect.error is not None:
            failed[same] = attempt
        own = _own(root.role, effect)
        if attempt > 1:
            own[spans.ATTEMPT] = attempt
            retries += 1
        refusals += spans.REFUSED in own
        operation = _CALLS[effect.kind]
        name, common = named(operation, effect.kind, effect.name)
        told.append(
            TracedSpan(
                name=name,
                ids=Ids(root.ids.trace_id, next(ids)),
                parent_id=agents.get(agent_of(effect.lane), root.ids.span_id),
                started_ns=_at(root, effect.started_s),
                ended_ns=_at(root, effect.started_s + effect.duration_s),
                shared=common,
                own=own,
                kind=CLIENT if operation == spans.CHAT else INTERNAL,
                failed=effect.error is not None,
            )
        )
    return _Calls(told, retries, refusals)


def _own(role: str, effect: Effect) -> dict[str, Value]:
    own: dict[str, Value] = {}
    shadowing = role == "shadowing"
    if effect.kind == "model":
        own = facts_of(effect.reply).attributes
        if shadowing:  # a shadow asks no model
            own = {key: value for key, value in own.items() if not key.startswith("gen_ai.usage.")}
            own |= {spans.INPUT_TOKENS: 0, spans.OUTPUT_TOKENS: 0}
        elif effect.error is not None:
            own.setdefault(spans.FINISH_REASONS, ("error",))
    if effect.error is not None:
        own[spans.ERROR] = effect.error.type
    if not shadowing:
        own[spans.MODE] = "recorded"
    elif effect.performed_by_shadow:
        own[spans.MODE] = "performed_by_shadow"
    else:
        missing = effect.error is not None and effect.error.type == "EffectMissingError"
        own[spans.MODE] = "missing" if missing else "replayed"
    return own


def _agents(events: Iterable[Event], calls: Iterable[Effect]) -> dict[str, tuple[float, float]]:
    """Return the agents of a run, in order, each with the seconds at which it began and ended."""
    found: dict[str, tuple[float, float]] = {}
    times = [(one.lane, one.at_s, one.at_s) for one in events]
    times += [(one.lane, one.started_s, one.started_s + one.duration_s) for one in calls]
    for lane, began_s, ended_s in times:
        if lane:
            agent = agent_of(lane)
            known = found.get(agent)
            found[agent] = (began_s, ended_s) if known is None else (min(known[0], began_s), max(known[1], ended_s))
    return found


def _at(root: RootSpan, seconds: float) -> int:
    return min(root.ended_ns, root.started_ns + max(0, int(seconds * root.scale * 1e9)))


def _ids(root: RootSpan) -> Iterator[int]:
    if root.new_span_id is not None:
        while True:
            yield root.new_span_id()
    number = 0
    while True:
        yield derived(root.ids, f"call {number}").span_id
        number += 1


def number_of_spans(record: RunRecord) -> int:
    """Return how many spans `run_spans` makes, without making them."""
    calls = [effect for effect in record.journal if effect.kind in _CALLS]
    return 1 + len(calls) + len(_agents(record.events, calls))


def bytes_of(record: RunRecord) -> int:
    """Return about how many bytes a record needs."""
    events = sum(len(event.payload) for event in record.events)
    return events + sum(len(effect.request or b"") + len(effect.reply or b"") for effect in record.journal) + 200 * len(record.events)
