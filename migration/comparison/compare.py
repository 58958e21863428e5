"""One comparison, step by step. Each step names the file that does it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

from migration.comparison.describe.effects import EffectComparison
from migration.comparison.describe.events import EventComparison
from migration.comparison.describe.findings import Finding
from migration.comparison.describe.renaming import Renaming
from migration.comparison.describe.runs import ending, timing
from migration.comparison.describe.second_opinion import SecondOpinion
from migration.comparison.judge.causes import told_together, with_causes
from migration.comparison.judge.classify import divergences
from migration.comparison.judge.consequences import starved, unexplained, without_consequences
from migration.comparison.judge.cross_talk import CrossTalk, with_losses, without_cross_talk
from migration.comparison.judge.ledger import Ledger
from migration.comparison.judge.noise import NoiseFloor
from migration.comparison.judge.verdict import overall
from migration.comparison.limits import NOTHING_COMPARED, Limits
from migration.comparison.match.align import Alignment, align
from migration.comparison.match.pairing import Pairing, pair
from migration.comparison.policy import Policy, default_policy
from migration.comparison.read.heads import HeadReader
from migration.comparison.read.normalise import Normaliser
from migration.comparison.read.shapes import Shapes
from migration.comparison.read.stream import Stream
from migration.comparison.read.tokens import tokens
from migration.errors import EffectMissingError
from migration.model import Comparison, Divergence, Event, Origin, RunRecord, Stage
from migration.sentence import Sentence, say, word

_NO_LIMITS_GIVEN = Limits()
_EMPTY = Ledger()
_SILENCE = NoiseFloor()
OTHERS_DATA: Final = "other people's data: the runs were not scanned for it, so data that control mixed up counts as a difference"


class Prepared:
    """The objects that are generated from a policy once and kept."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.reader = HeadReader(policy)
        self.normaliser = Normaliser(policy)
        self.shapes = Shapes(self.normaliser, self.reader)

    def streams(self, control: RunRecord, candidate: RunRecord) -> tuple[Stream, Stream]:
        """Return both streams. Nothing in them is decoded yet."""
        return (
            Stream(Origin.CONTROL, control, self.reader, self.normaliser),
            Stream(Origin.CANDIDATE, candidate, self.reader, self.normaliser),
        )

    def pairing(self, control: RunRecord, candidate: RunRecord) -> Pairing:
        """Return both streams, decoded only as far as needed to find equal frames."""
        return pair(*self.streams(control, candidate), self.shapes)


@lru_cache(maxsize=64)
def prepared(policy: Policy) -> Prepared:
    """Return the objects that are generated from that policy. They are cached; policies are hashed by identity."""
    return Prepared(policy)


def compare(
    control: RunRecord,
    candidate: RunRecord,
    *,
    stage: Stage,
    serving: Origin,
    policy: Policy | None = None,
    ledger: Ledger = _EMPTY,
    noise: NoiseFloor = _SILENCE,
    today: date | None = None,
    limits: Limits = _NO_LIMITS_GIVEN,
    reasons: Iterable[Sentence] = (),
    performed_by_shadow: int = 0,
    cross_talk: CrossTalk | None = None,
    lost: Sequence[Event] = (),
) -> Comparison:
    """Compare two runs of the same request.

    Args:
        control: the run of the legacy engine.
        candidate: the run of its replacement.
        stage: the stage of the plan under which they ran.
        serving: the engine whose stream the user saw; the other engine ran on this run's journal.
        policy: the rules about what a comparison ignores; None: the policy that the project configures.
        ledger: accepted divergences.
        noise: the differences that each engine shows when it is compared with itself.
        today: the day on which the ledger is read; None: today, UTC.
        limits: how much data one comparison may read.
        reasons: why the runs cannot be compared fully, if the caller knows one (a truncated journal): the verdict is `inconclusive`.
        performed_by_shadow: effects that the shadow performed, as measured where it ran.
        cross_talk: the places in control's events that contain other people's data; the candidate is not the cause of differences there.
            None:
            control's events were not searched for such data, and the comparison says so.
        lost: events of this run that control sent to other users.

    Raises:
        UnconfiguredSurfaceError: no policy was given and the project has none for the surface.
    """
    policy = policy or default_policy(control.request.surface)
    doubts = [*reasons, *_doubts(control, candidate)]
    streams = prepared(policy).streams(control, candidate)
    too_much = [clause for stream in streams for clause in limits.exceeded(stream)]
    found: list[Finding] = []
    if not too_much:
        found, uncompared = _findings(streams, serving, policy, limits, cross_talk=cross_talk or (), lost=lost)
        doubts += uncompared
    doubts += too_much
    if not found and not any((control.events, candidate.events, control.journal, candidate.journal, control.error, candidate.error)):
        doubts.append(say("neither run sent an event, asked for an effect or raised an exception: {end}", end=word(NOTHING_COMPARED)))
    day = today or datetime.now(UTC).date()
    rows = divergences(found, policy, limits)
    judged = told_together([(_judged(divergence, noise, ledger, day), because) for divergence, because in rows])
    served, shadow = (control, candidate) if serving is Origin.CONTROL else (candidate, control)
    request, missing = served.request, _missing(shadow)
    return Comparison(
        surface=request.surface,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        thread_id=request.thread_id,
        run_id=request.run_id,
        stage=stage,
        serving=serving,
        verdict=overall(judged, doubts),
        divergences=judged,
        control=timing(control),
        candidate=timing(candidate),
        reasons=tuple(dict.fromkeys(doubts)),
        trace_id=served.trace_id,
        effects_recorded=len(served.journal),
        effects_replayed=len(shadow.journal) - missing,
        effects_missing=missing,
        effects_performed_by_shadow=performed_by_shadow,
        not_looked_at=(OTHERS_DATA,) if cross_talk is None else (),
        failover=served.failover,
        control_tokens=tokens(control.journal),
        candidate_tokens=tokens(candidate.journal),
    )


def _judged(divergence: Divergence, noise: NoiseFloor, ledger: Ledger, day: date) -> Divergence:
    # A difference that comes from control's cross-talk is noise from the start, whatever the ledger and the noise floor say.
    return divergence if divergence.kind == "control_cross_talk" else noise.judge(ledger.judge(divergence, day))


def _findings(
    streams: tuple[Stream, Stream],
    serving: Origin,
    policy: Policy,
    limits: Limits,
    *,
    cross_talk: CrossTalk,
    lost: Sequence[Event],
) -> tuple[list[Finding], list[Sentence]]:
    """Return all findings, and why some part could not be compared."""
    ready = prepared(policy)
    control, candidate = (stream.run for stream in streams)
    renaming, opinion = Renaming(), SecondOpinion(policy)
    served, shadow, side = (control, candidate, 1) if serving is Origin.CONTROL else (candidate, control, 0)
    effects = EffectComparison(ready.normaliser, limits, renaming, opinion)  # 1 effects: the requests to the outside
    found = effects.findings(control, candidate)
    in_want = serving.other if starved(found, served, shadow, side) else None
    found = [*ending(control, candidate, policy, in_want), *found]  # 2 runs: how both ended
    pairing = pair(*streams, ready.shapes)  # 3 stream: frames, decoded as little as possible
    alignment = align(pairing)  # 4 align: the pairs of events
    differing = EventComparison(pairing.control, pairing.candidate, policy, limits, renaming, opinion=opinion).findings(
        alignment
    )  # 5 events: what differs
    differing = without_cross_talk(differing, control, cross_talk)  # without data that control took from other runs
    differing = with_losses(differing, pairing.candidate, lost, ready.normaliser)  # without events that control sent to other runs
    found += [finding for finding in differing if not _unread(finding, pairing)]
    doubts = unexplained(found, shadow, side)
    found = without_consequences(found, shadow, side)  # 6 consequences of effects without an answer
    undecodable = [
        say("event {number} of {side} is undecodable: {why}", number=index + 1, side=word(stream.side.value), why=why)
        for stream in (pairing.control, pairing.candidate)
        for index, why in sorted(stream.frames.undecodable.items())
    ]
    if control.origin is not candidate.origin:
        found = with_causes(found, policy)  # 7 causes: which finding follows from which
    return found, [*effects.reasons, *undecodable, *opinion.reasons, *doubts]


def _unread(finding: Finding, pairing: Pairing) -> bool:
    """Return whether the finding is about an unreadable frame.

    A finding about a whole lane never is, because it needs only the kinds of events.
    """
    i, j = finding.at
    return finding.detail != "whole_lane" and (i in pairing.control.frames.undecodable or j in pairing.candidate.frames.undecodable)


def _doubts(control: RunRecord, candidate: RunRecord) -> Sequence[Sentence]:
    control_request, candidate_request = control.request, candidate.request
    doubts = [
        say("the runs do not belong to one request: {name} differs", name=word(name))
        for name in ("surface", "tenant_id", "user_id", "thread_id", "run_id", "payload")
        if getattr(control_request, name) != getattr(candidate_request, name)
    ]
    for side, run in ((Origin.CONTROL, control), (Origin.CANDIDATE, candidate)):
        if run.outcome in ("cancelled", "cut"):
            how = word("cut off" if run.outcome == "cut" else "cancelled")
            doubts.append(say("{side} was {how}: its stream ends before the run did", side=word(side.value), how=how))
    return doubts


def _missing(shadow: RunRecord) -> int:
    return sum(
        effect.performed_by_shadow or (effect.error is not None and effect.error.type == EffectMissingError.__name__)
        for effect in shadow.journal
    )


def aligned(control: RunRecord, candidate: RunRecord, policy: Policy | None = None) -> tuple[Pairing, Alignment]:
    """Return both streams and how their events correspond, for showing them side by side.

    Raises:
        UnconfiguredSurfaceError: no policy was given and the project has none for the surface.
    """
    pairing = prepared(policy or default_policy(control.request.surface)).pairing(control, candidate)
    return pairing, align(pairing)
