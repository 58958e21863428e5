"""The controller moves surfaces along their ramps. It checks all ramps again and again; one check has these steps.

1. lead, or wait                                                     leader.py
2. look at both clocks                                               clocks.py
3. read from the flag where the surface is                           moving.py
4. if a move was begun before: finish it, or make sure that it can no longer be written
5. ask the gate to decide on the evidence                            reading.py, gate.py
6. hold; or store the intended move in the database, write the flag, and record the result in the history and the database

A crash between any two steps is repaired by step 4, in this process or in another one. A move is written only if the flag still has the
version on which the decision was based. So no move is written twice, and a former leader cannot overwrite a newer move. If anything cannot
be read or written, the controller holds.
"""

import logging
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from migration.errors import LostLeaseError, MigrationError, UnprovenEditError
from migration.rollout.clocks import Clocks
from migration.rollout.gate import GateDecision, decide
from migration.rollout.gate_rules import Gate
from migration.rollout.happened import Happened, document
from migration.rollout.leader import Leader
from migration.rollout.moving import Mover, Where
from migration.rollout.position import START, Position, reached, target
from migration.rollout.ramp_file import Ramp, Step, parse_ramp
from migration.rollout.standing import Standing
from migration.rollout.store import Intent, Rollout, RolloutStore, Taken
from migration.stages import STAGE_ORDER

logger = logging.getLogger(__name__)

_NOTE_S: Final = 5.0  #: seconds between two records of an unchanged decision
_AGAIN_S: Final = 30.0  #: seconds until an unproved move is tried again
_LONGEST_WHY: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """Where a surface is on its ramp."""

    where: Where
    ramp: Ramp
    number: int  #: index of the last step that was taken; -1: none was taken
    taken: Taken

    @property
    def gate(self) -> Gate | None:
        """The gate of the step; None: no step was taken."""
        return self.ramp.steps[self.number].gate if self.number >= 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """How long controllers have watched a step."""

    since: float  #: Unix seconds, when the step was taken; it identifies the step
    before_s: float  #: seconds that the step was watched before this controller led
    began: float  #: monotonic seconds


class ReadStanding(Protocol):
    """Reads the evidence of a step."""

    def __call__(self, surface: str, step: Step, since: float, /) -> Standing:
        """Return the standing; its `unreadable` is set if the evidence cannot be read."""
        ...


class Controller:
    """Checks all ramps, again and again.

    Args:
        store: holds the state of ramps.
        mover: reads and edits the flags.
        standing: reads the evidence.
        tell: called with each event; its exceptions are logged.
        name: this controller's name; None: a new one is made.
        wall: Unix seconds.
        monotonic: seconds that only rise.
    """

    def __init__(
        self,
        store: RolloutStore,
        mover: Mover,
        standing: ReadStanding,
        tell: Callable[[Happened], None],
        *,
        name: str | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._mover, self._standing, self._tell = store, mover, standing, tell
        self.leader = Leader(store, name or uuid.uuid4().hex, monotonic)
        self._clocks = Clocks(wall, monotonic)
        self._monotonic = monotonic
        self._watched: dict[str, _Watch] = {}
        #: version of the flag, the move that was not proved, and the time until which it is not tried again
        self._refused: dict[str, tuple[int, tuple[str, ...], float]] = {}
        self._problems: dict[str, str] = {}

    def look(self) -> bool:
        """Check all ramps once; return whether this controller leads. Errors of the flags and of the database are logged, not raised."""
        self._clocks.look()
        try:
            if not self.leader.campaign():
                self._watched.clear()
                return False
            rollouts = self._store.rollouts()
        except MigrationError as error:
            self._problem("", str(error))
            self._watched.clear()
            return False
        self._problem("", None)
        for rollout in rollouts:
            if rollout.state == "running" or rollout.intent is not None:
                self._try(rollout)
        return True

    def stand_down(self) -> None:
        """Let another controller lead at once."""
        try:
            self.leader.resign()
        except MigrationError as error:
            self._problem("", str(error))

    def _try(self, rollout: Rollout) -> None:
        try:
            self._one(rollout)
        except LostLeaseError as error:
            logger.info("%s", error)  # the next check reads it again
        except MigrationError as error:
            self._watched.pop(rollout.surface, None)
            self._problem(rollout.surface, f"{type(error).__name__}: {error}")
            return
        self._problem(rollout.surface, None)

    def _one(self, rollout: Rollout) -> None:
        surface = rollout.surface
        ramp = parse_ramp(rollout.ramp, rollout.ramp_name)
        where = self._mover.where(surface, ramp)
        if rollout.intent is not None:
            self._resolve(rollout, rollout.intent, where)
            return
        if surface not in self._watched:
            self._clocks.noted(rollout.looked_at)
        here = where.position
        if here is None:
            self._hold(rollout, None, None, ("The flag does not assign tenants by their key, so it does not say where the ramp is.",))
            return
        if rollout.at is not None and here < rollout.at:
            self._pause(rollout, f"another edit moved the surface back from {rollout.at} to {here}")
            return
        taken = self._store.seen(surface, here, self._clocks.now)
        number = reached(ramp, here)
        at = _At(where=where, ramp=ramp, number=number, taken=taken)
        if number == len(ramp.steps) - 1:
            self._complete(rollout, here)
        elif number < 0 and here != START:
            self._hold(rollout, at, None, (f"The surface is at {here}, before the first step of its ramp.",))
        elif number < 0:
            self._act(rollout, at, GateDecision(what="promote", reasons=("The ramp begins.",)), None)
        else:
            now = self._clocks.now
            # The step lasts as long as controllers have watched it: a clock that jumps does not make it longer.
            standing = replace(self._standing(surface, ramp.steps[number], taken.since), since=now - self._lasted_s(rollout, taken))
            standing.approved_by = taken.approved_by
            self._act(rollout, at, decide(ramp.steps[number], standing, now), standing)

    def _act(self, rollout: Rollout, at: _At, decision: GateDecision, standing: Standing | None) -> None:
        """Carry out the gate's decision; a promotion only if there is no objection."""
        if decision.what == "roll back":
            self._roll_back(rollout, at, decision, standing)
            return
        against = self._against(rollout.surface, at.where) if decision.what == "promote" else decision.reasons
        if against:
            self._hold(rollout, at, standing, against, decision)
        else:
            self._move(rollout, at, target(at.ramp, at.number + 1), decision, standing)

    def _against(self, surface: str, where: Where) -> tuple[str, ...]:
        """Return the objections to a promotion that the gate allows."""
        version, problems, until = self._refused.get(surface, (0, (), 0.0))
        refused = problems if version == where.version and self._monotonic() < until else ()
        killed = "The kill switch is on." if where.killed else None
        return tuple(one for one in (self._clocks.unsettled(), killed, where.unfollowed, *refused) if one)

    def _roll_back(self, rollout: Rollout, at: _At, decision: GateDecision, standing: Standing | None) -> None:
        step = at.ramp.steps[at.number]
        back = STAGE_ORDER[max(0, STAGE_ORDER.index(step.stage) - 1)]
        tenants = _reach(step.gate, at.ramp, standing.breached) if standing is not None and standing.breaches else ()
        if step.gate.roll_back == "all" or not tenants:
            self._move(rollout, at, Position(back, 100.0), decision, standing)
            return
        self._check_lead(rollout)
        self._mover.send_back(rollout.surface, tenants, back, f"rolled back at {step.name}: {' '.join(decision.reasons)}")
        noted = document(decision, standing, self._clocks.now, at.gate)
        self._store.change(rollout, holder=self.leader.name, state="rolled back", why=" ".join(decision.reasons), decision=noted)
        self._say(
            Happened(
                surface=rollout.surface,
                what="roll back",
                sentence=f"{rollout.surface}: rolled back to {back.value}: {', '.join(tenants)}",
                reasons=decision.reasons,
                evidence=noted["evidence"],
                tenants=tenants,
            )
        )

    def _move(self, rollout: Rollout, at: _At, to: Position, decision: GateDecision, standing: Standing | None) -> None:
        self._check_lead(rollout)
        what: Literal["promote", "roll back"] = "roll back" if decision.what == "roll back" else "promote"
        version = at.where.version
        intent = Intent(
            id=uuid.uuid4().hex,
            what=what,
            stage=to.stage,
            percent=to.percent,
            cohorts=to.cohorts,
            version=version,
            reasons=decision.reasons,
        )
        noted = document(decision, standing, self._clocks.now, at.gate)
        rollout = self._store.change(rollout, holder=self.leader.name, intent=intent, decision=noted)
        why = f"{what}: {' '.join(decision.reasons)}"[:_LONGEST_WHY]
        try:
            seen = self._mover.move(rollout.surface, at.ramp, to, version, why, back=what == "roll back")
        except UnprovenEditError as error:  # nothing was written
            _, known, _ = self._refused.get(rollout.surface, (0, (), 0.0))
            self._refused[rollout.surface] = (version, error.problems, self._monotonic() + _AGAIN_S)
            rollout = self._store.change(rollout, holder=self.leader.name, intent=None)
            self._hold(rollout, at, standing, error.problems, decision, tell=error.problems != known)
            return
        self._done(rollout, intent, seen)

    def _resolve(self, rollout: Rollout, intent: Intent, where: Where) -> None:
        """Finish a move that this process or another one began, or make its write impossible and drop it."""
        if where.version == intent.version:
            self._check_lead(rollout)
            self._mover.fence(rollout.surface, intent.version)
            self._store.change(rollout, holder=self.leader.name, intent=None)
        elif where.position == _goal(intent):
            self._done(rollout, intent, "found later: the controller that wrote the move has ended")
        else:
            self._store.change(rollout, holder=self.leader.name, intent=None)

    def _done(self, rollout: Rollout, intent: Intent, seen: str) -> None:
        """Record that the flag has moved: first in the history, with the move's id, so that there is exactly one entry."""
        goal = _goal(intent)
        arrow = "promoted to" if intent.what == "promote" else "rolled back to"
        evidence = (rollout.decision or {}).get("evidence", "")
        self._say(
            Happened(
                surface=rollout.surface,
                what=intent.what,
                sentence=f"{rollout.surface}: {arrow} {goal}; {seen}",
                reasons=intent.reasons,
                evidence=evidence,
                id=intent.id,
            )
        )
        taken = self._store.seen(rollout.surface, goal, self._clocks.now, anew=True)
        stopped: dict[str, Any] = {} if intent.what == "promote" else {"state": "rolled back", "why": " ".join(intent.reasons)}
        place = self._place(rollout, taken)
        self._store.change(rollout, holder=self.leader.name, intent=None, looked_at=self._clocks.now, **place, **stopped)

    def _pause(self, rollout: Rollout, why: str) -> None:
        self._store.change(rollout, holder=self.leader.name, state="paused", why=why, at=None)
        self._say(Happened(surface=rollout.surface, what="pause", sentence=f"{rollout.surface}: paused: {why}"))

    def _complete(self, rollout: Rollout, here: Position) -> None:
        self._store.change(rollout, holder=self.leader.name, state="complete", why=f"it is at {here}, the last step", at=here)
        self._say(
            Happened(surface=rollout.surface, what="complete", sentence=f"{rollout.surface}: the ramp has reached its last step, {here}")
        )

    def _hold(
        self,
        rollout: Rollout,
        at: _At | None,
        standing: Standing | None,
        reasons: tuple[str, ...],
        decision: GateDecision | None = None,
        *,
        tell: bool | None = None,
    ) -> None:
        """Record that the ramp holds: in the store, for `status`, and in the history if `tell`; None: only if it begins to hold."""
        last, now, taken = rollout.decision or {}, self._clocks.now, None if at is None else at.taken
        first = last.get("what") != "hold"
        noted_lately = rollout.at == (taken and taken.position) and 0.0 <= now - last.get("at", 0.0) < _NOTE_S
        if tell is None and not first and noted_lately:
            return
        needed, on = (None, None) if decision is None else (decision.runs_needed, decision.on)
        held = GateDecision(what="hold", reasons=reasons, runs_needed=needed, on=on)
        noted = document(held, standing, now, None if at is None else at.gate)
        self._store.change(rollout, holder=self.leader.name, decision=noted, looked_at=now, **self._place(rollout, taken))
        if first if tell is None else tell:
            self._say(
                Happened(
                    surface=rollout.surface,
                    what="hold",
                    sentence=f"{rollout.surface}: holds" + (f" at {taken.position}" if taken else ""),
                    reasons=reasons,
                    evidence=noted["evidence"],
                )
            )

    def _place(self, rollout: Rollout, taken: Taken | None) -> dict[str, Any]:
        return {} if taken is None else {"at": taken.position, "since": taken.since, "lasted_s": self._lasted_s(rollout, taken)}

    def _lasted_s(self, rollout: Rollout, taken: Taken) -> float:
        """Return how long controllers have watched the step. Time in which no controller led is not counted."""
        now = self._monotonic()
        watch = self._watched.get(rollout.surface)
        if watch is None or watch.since != taken.since:
            before = rollout.lasted_s if rollout.since == taken.since else 0.0
            watch = self._watched[rollout.surface] = _Watch(since=taken.since, before_s=before, began=now)
        return watch.before_s + now - watch.began

    def _check_lead(self, rollout: Rollout) -> None:
        if not self.leader.leads:
            raise LostLeaseError(rollout.surface)

    def _say(self, happened: Happened) -> None:
        logger.warning("%s%s", happened.sentence, f" ({' '.join(happened.reasons)})" if happened.reasons else "")
        try:
            self._tell(happened)
        except Exception:
            logger.exception("%s: it could not be reported", happened.surface)

    def _problem(self, surface: str, problem: str | None) -> None:
        """Log a problem that stops all moves, once when it begins and once when it has ended (None)."""
        if problem is None:
            if self._problems.pop(surface, None) is not None:
                logger.warning("%s: works again", surface or "the controller")
        elif self._problems.get(surface) != problem:
            self._problems[surface] = problem
            logger.warning("%s: holds: %s", surface or "the controller", problem)


def _goal(intent: Intent) -> Position:
    return Position(intent.stage, intent.percent, intent.cohorts)


def _reach(gate: Gate, ramp: Ramp, breached: Collection[str]) -> tuple[str, ...]:
    """Return the tenants that a breach sends back, unless it sends back all."""
    cohorts = ramp.cohorts.values() if gate.roll_back == "cohort" else ()
    return tuple(sorted({*breached, *(one for tenants in cohorts if not set(tenants).isdisjoint(breached) for one in tenants)}))
