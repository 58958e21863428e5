"""What a comparison may ignore and what it must report, as data: one versioned TOML file for each surface, in its project.

A policy never hides a field silently: a masked field must still be there and keep its JSON type, and `explain` lists every field that a
rule touches. Identity and result fields (tenant, user, thread, run, agent, success, status, error type) cannot be masked: such a policy is
rejected.
"""

from functools import lru_cache
from keyword import iskeyword
from pathlib import Path
from typing import Any, Literal

import msgspec

from migration.comparison.deepdiff_options import checked
from migration.comparison.paths import compiled, matches
from migration.errors import ConfigurationError
from migration.model import Outcome, RunRequest, Severity
from migration.project import find_project, surface_file
from migration.toml_text import Step, TomlText

Action = Literal["mask", "rename", "round", "tolerance", "sort", "json", "deepdiff"]
"""What a rule does with a value:

mask       its presence and JSON type count, its value does not (`int` and `float` are one type here)
rename     a text that is an id: another id may replace it, but always the same one in the whole run, and never one for two ids
round      a float is rounded to `digits`
tolerance  numbers may differ by `absolute` or by `relative` of the larger one
sort       a list whose order carries no meaning
json       a text that holds JSON is compared as JSON
deepdiff   written `compare = "deepdiff"`: values that differ count as equal if DeepDiff, with the rule's `options`, finds no difference
"""

Change = Literal["value", "type", "presence"]
"""How a field changed: another value of the same JSON type, another type, or it exists on one side only."""

EVERY_EVENT: tuple[str, ...] = ()


class PolicyData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """The common base of all parts of a policy. Parts are compared and hashed by identity, so that a policy is a cheap key of caches."""


class Rule(PolicyData, frozen=True, kw_only=True, eq=False):
    """One normalisation. If several rules match a field, the first one in the file is applied."""

    id: str
    action: Action = "deepdiff"
    compare: Literal["deepdiff"] | None = None  #: used instead of an action
    options: dict[str, Any] = msgspec.field(default_factory=dict)  #: options of DeepDiff; `custom_operators` are import strings
    paths: tuple[str, ...]  #: patterns from the frame's root
    reason: str
    kinds: tuple[str, ...] = EVERY_EVENT  #: event kinds; "effect:model", "effect:tool" for requests; () is every event and no effect
    digits: int = 6  #: decimal places for `round`
    absolute: float = 0.0  #: absolute limit for `tolerance`, in the value's unit
    relative: float = 0.0  #: relative limit for `tolerance`, 0 to 1
    label: str = ""  #: for `rename`: rules with the same label share one mapping of ids; empty: the rule's id


class Envelope(PolicyData, frozen=True, kw_only=True, eq=False):
    """The frame around every event."""

    texts: tuple[str, ...] = ()  #: fields that hold text
    ints: tuple[str, ...] = ()  #: fields that hold an integer
    numbers: tuple[str, ...] = ()  #: fields that hold an integer or a float
    body: str = "payload"  #: the field that holds the event's own object
    identity: dict[str, str] = msgspec.field(default_factory=dict)  #: attribute of the request -> field that must equal it


class Pair(PolicyData, frozen=True, kw_only=True, eq=False):
    """Two kinds of event that belong together."""

    first: str
    then: str


class Rising(PolicyData, frozen=True, kw_only=True, eq=False):
    """A number that must rise from one event of a kind to the next of the same agent."""

    kind: str
    field: str  #: dotted path from the frame's root


class Contract(PolicyData, frozen=True, kw_only=True, eq=False):
    """The rules that a client may rely on, for each agent. An agent is the part of a lane before the first "/"; the lane "" has no
    contract.
    """

    once: tuple[str, ...] = ()  #: kinds of event that come exactly once
    required: tuple[str, ...] = ()  #: kinds of event that come at least once
    first: str = ""  #: the kind that comes before everything else of its agent, its tool calls included; empty: no such kind
    last: str = ""  #: the kind that comes after everything else of its agent
    closes: tuple[Pair, ...] = ()  #: pairs of kinds: in one lane, each `first` is followed by its own `then`
    before: tuple[Pair, ...] = ()  #: when an agent sends both, `first` comes first
    rising: tuple[Rising, ...] = ()


class Roles(PolicyData, frozen=True, kw_only=True, eq=False):
    """Fields with a meaning. Patterns start with the event's kind: `agent_completed.payload.status`."""

    terminal: tuple[str, ...] = ()  #: fields that say success or failure: a difference is `terminal_state`
    consequences: tuple[str, ...] = ()  #: fields that change when the terminal state changes; not reported separately
    error: tuple[str, ...] = ()  #: an error's type: a difference is `error`
    words: tuple[str, ...] = ()  #: closed vocabularies; their values are part of the fingerprint


class SeverityRule(PolicyData, frozen=True, kw_only=True, eq=False):
    """How much a difference matters. The first rule that fits is applied; without one, the kind of divergence decides."""

    severity: Severity
    kinds: tuple[str, ...] = ("*",)  #: divergence kinds
    paths: tuple[str, ...]  #: patterns that start with the event's kind, "run", "model", "tool", "clock" or "id"
    changes: tuple[Change, ...] = ("value",)  #: how the field may have changed; a whole event or effect counts as "value"
    reason: str


class LatencyRule(PolicyData, frozen=True, kw_only=True, eq=False):
    """One of two runs counts as slower if the difference exceeds both bounds. One slow run is not a finding: see `latency.py`."""

    metric: Literal["duration_s", "engine_s", "first_event_s", "longest_gap_s"]
    ratio: float  #: least ratio of the slower to the faster time, 1 or more
    excess_s: float  #: least difference of the two times, in seconds
    alpha: float = 0.001  #: chance that equally fast engines are ever reported as different


class Sign(PolicyData, frozen=True, kw_only=True, eq=False):
    """An event by its kind and, if a field is named, the text in it."""

    kind: str
    field: str = ""  #: dotted path from the frame's root; empty: the kind alone decides
    equals: str = ""


class Ending(PolicyData, frozen=True, kw_only=True, eq=False):
    """The outcome of a run with this last event. The first ending that fits is applied; if none fits, the run is completed."""

    outcome: Outcome
    last: Sign
    #: sign that the closest earlier event of the sign's kind in the same lane must fit; None: no earlier event is needed
    after: Sign | None = None


class Tools(PolicyData, frozen=True, kw_only=True, eq=False):
    """The effects of calls of the surface's tools. A tool in neither list changes something that can be undone."""

    read_only: tuple[str, ...] = ()  #: tools that change nothing: the miss policy may permit such calls
    irreversible: tuple[str, ...] = ()  #: tools whose additional, missing or different calls always have the severity `contract`


class FailoverRules(PolicyData, frozen=True, kw_only=True, eq=False):
    """The meaning of events for a failover: whether control may resume a run that its candidate failed, and what the client gets."""

    #: kinds of event with text of the answer: after one of them the run stays with its candidate; None: every kind
    answers: tuple[str, ...] | None = None
    inward: tuple[str, ...] = ()  #: agents whose text is not part of an answer, such as one that chooses the others
    ends: tuple[str, ...] = ()  #: kinds of event that can be the last one of a complete stream; (): not known
    failures: tuple[Sign, ...] = ()  #: events that announce a failure before its ending; how the run ended then follows from the endings
    numbered: str = ""  #: field of the frame that numbers the events of a run; empty: none


class Policy(PolicyData, frozen=True, kw_only=True, eq=False):
    """All rules about the streams of one surface."""

    surface: str
    version: int
    envelope: Envelope
    protected: tuple[str, ...] = ()  #: names of fields that no rule may mask or rename
    rules: tuple[Rule, ...] = ()
    contract: Contract = Contract()
    roles: Roles = Roles()
    #: outcome, such as "busy" -> exceptions by which an engine refuses a request
    refusals: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    severities: tuple[SeverityRule, ...] = ()
    latency: tuple[LatencyRule, ...] = ()
    endings: tuple[Ending, ...] = ()
    tools: Tools = Tools()
    failover: FailoverRules = FailoverRules()


def parse_policy(written: str, source: str) -> Policy:
    """Return the policy in a TOML text.

    Args:
        written: the text.
        source: named in errors, usually the file.

    Raises:
        ConfigurationError: the text is not TOML, a field is missing, unknown or of the wrong type, two rules share an id, or a rule would
            hide a protected field; the message names the line.
    """
    return _checked(TomlText(written, source))


def _checked(text: TomlText) -> Policy:
    policy = text.read(Policy)
    _check_envelope(policy.envelope, text)
    ids: list[str] = []
    for number, rule in enumerate(policy.rules):
        if rule.id in ids:
            raise text.error(
                f"two rules are called {rule.id!r}; give each its own id, because `--explain` names rules by it", "rules", number, "id"
            )
        ids.append(rule.id)
        _refuse_hidden_identity(policy, rule, text, ("rules", number, "paths"))
        _check_deepdiff(policy, rule, text, ("rules", number))
    for name in policy.tools.read_only:
        if name in policy.tools.irreversible:
            raise text.error(f"the tool {name!r} cannot be read-only and irreversible; leave it in one list", "tools", "irreversible")
    return policy


def _check_deepdiff(policy: Policy, rule: Rule, text: TomlText, place: tuple[Step, ...]) -> None:
    if (rule.action == "deepdiff") is not (rule.compare == "deepdiff") or (rule.options and rule.compare is None):
        raise text.error(f'rule {rule.id!r} needs either an `action`, or `compare = "deepdiff"` with its `options`', *place)
    if rule.compare is None:
        return
    left_out = str([rule.options.get(name) for name in ("exclude_paths", "exclude_regex_paths")])
    hidden = [name for name in policy.protected if name in left_out]
    if hidden:
        raise text.error(f"rule {rule.id!r} would leave out {', '.join(hidden)}; these must always be compared", *place)
    if fault := checked(rule.options):
        raise text.error(f"rule {rule.id!r}: {fault}", *place, "options")


def _check_envelope(envelope: Envelope, text: TomlText) -> None:
    fields = [*envelope.texts, *envelope.ints, *envelope.numbers, envelope.body]
    for field in fields:
        if fields.count(field) > 1 or not field.isidentifier() or iskeyword(field):
            raise text.error(
                f"envelope field {field!r} is listed twice or is not a plain name; list each field once, by its name", "envelope"
            )
    for attribute, field in envelope.identity.items():
        if attribute not in RunRequest.__struct_fields__ or field not in envelope.texts:
            raise text.error(
                f"envelope.identity {attribute!r} = {field!r}; name an attribute of the request and one of the fields in `texts`",
                "envelope",
                "identity",
                attribute,
            )


def _refuse_hidden_identity(policy: Policy, rule: Rule, text: TomlText, place: tuple[Step, ...]) -> None:
    if rule.action not in {"mask", "rename", "tolerance", "round", "deepdiff"}:
        return
    for pattern in rule.paths:
        last = compiled(pattern).last
        hidden = [name for name in policy.protected if matches(last or "**", (name,))]
        if hidden:
            raise text.error(
                f"rule {rule.id!r} would {rule.action} {', '.join(hidden)} through the path {pattern!r}; "
                "name the volatile fields one by one, these must always be compared",
                *place,
            )


def load_policy(path: Path) -> Policy:
    """Return the policy in a file.

    Raises:
        ConfigurationError: the file cannot be read, or see `parse_policy`.
    """
    return _checked(TomlText.of(path, "the comparison policy"))


def default_policy(surface: str, project: Path | None = None) -> Policy:
    """Return the policy that the project configures for a surface: the same object as long as its file does not change.

    Args:
        surface: its name.
        project: the project's file; None: the file that `migration.project` finds.

    Raises:
        UnconfiguredSurfaceError: the project names no file for it.
        ConfigurationError: the file is for another surface; see also `load_policy`.
    """
    file = surface_file(project or find_project(), surface)
    try:
        status = file.stat()
    except OSError:
        return load_policy(file)
    return _loaded(file, surface, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _loaded(file: Path, surface: str, _mtime_ns: int, _size: int) -> Policy:
    policy = load_policy(file)
    if policy.surface != surface:
        raise ConfigurationError(f"{file}: it is the policy of {policy.surface!r}, and the project names it for {surface!r}")
    return policy
