"""The gates of surfaces: where each is on its ramp, what its evidence shows, and what its gate decides. Asked by operators' commands."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from migration.errors import MissingExtraError, RolloutStateError
from migration.flags.meaning import FlagData
from migration.model import Stage
from migration.project import ramp_file
from migration.rollout.position import START, Position, pinned_stages, position_of, reached
from migration.rollout.preview import Preview
from migration.rollout.ramp_file import DEFAULT_RAMP, Ramp, Step, parse_ramp, read_ramp
from migration.rollout.store import RolloutStore
from migration.settings import MigrationSettings
from migration.stages import STAGE_ORDER

if TYPE_CHECKING:
    from migration.rollout.gate import GateDecision
    from migration.rollout.standing import Standing

_EVER: Final = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """A step, its evidence, and the decision of its gate."""

    step: Step
    since: float  #: when the step was taken, Unix seconds
    standing: "Standing"
    decision: "GateDecision"


class Gates:
    """Asks the gates. It must be closed.

    Args:
        settings: name the surfaces, the evidence and the ramps.
        reading: True: nothing is written, not even the position at which a surface was seen.
        clock: Unix seconds.

    Raises:
        ConfigurationError: a setting cannot be used.
    """

    def __init__(self, settings: MigrationSettings, *, reading: bool = False, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._reading, self._clock = settings, reading, clock
        self._store = RolloutStore.of_settings(settings, reading=reading)

    def close(self) -> None:
        """Close all connections."""
        self._store.close()

    def ramp(self, surface: str) -> Ramp:
        """Return the surface's ramp: the ramp that was started last, else the project's ramp, else the default ramp.

        Raises:
            ConfigurationError: the ramp is not valid.
            RolloutStateError: it is not known which ramp was started.
        """
        started = self._store.rollout(surface)
        if started is not None and started.state not in {"aborted", "complete"}:
            return parse_ramp(started.ramp, started.ramp_name)
        return read_ramp(ramp_file(self._settings.project, surface) or DEFAULT_RAMP)

    def at(self, surface: str, data: FlagData) -> Gated | None:
        """Return the gate of the step that a surface has taken; None: it has taken none yet, or its flag does not say where it is.

        Raises:
            ConfigurationError: the ramp is not valid, or an extra is missing.
            RolloutStateError: it is not known when the surface took the step.
        """
        ramp = self.ramp(surface)
        here = position_of(data, surface, ramp)
        number = -1 if here is None else reached(ramp, here)
        if here is None or number < 0:
            return None
        since, approved_by = self._since(surface, here)
        return self._asked(surface, ramp.steps[number], since, approved_by)

    def objections(self, surface: str, preview: Preview, *, tenant: str | None) -> tuple[str, ...]:
        """Return why the gates do not allow an edit; (): they allow it, or it moves no tenant beyond the ramp's position.

        Args:
            surface: the surface whose flag is edited.
            preview: the edit.
            tenant: the tenant that is pinned; None: a percentage moves.

        Raises:
            ConfigurationError: the ramp is not valid.
        """
        forward = [move for move in preview.moves if move.surface == surface and not move.backward]
        try:
            if not forward:
                return ()
            if tenant is not None:
                return self._of_a_pin(surface, preview.read.data, {move.before for move in forward})
            return self._of_a_share(surface, preview)
        except (MissingExtraError, RolloutStateError) as error:
            return (f"the gate cannot be asked: {error}",)

    def moved(self, surface: str, data: FlagData) -> None:
        """Record where a surface is after an edit. Raises RolloutStateError."""
        if (here := position_of(data, surface, self.ramp(surface))) is not None:
            self._since(surface, here)

    def _of_a_pin(self, surface: str, data: FlagData, left: set[Stage]) -> tuple[str, ...]:
        """Return the objections to a pin, from the gate of each stage that the tenant leaves."""
        ramp = self.ramp(surface)
        here = position_of(data, surface, ramp) or START
        found: list[str] = []
        for stage in sorted(left, key=STAGE_ORDER.index):
            step = next((step for step in reversed(ramp.steps) if step.stage is stage), None)
            if step is not None:
                since, approved_by = self._since(surface, here) if here.stage is stage else (_EVER, ())
                found += _objections(self._asked(surface, step, since, approved_by))
        return tuple(found)

    def _of_a_share(self, surface: str, preview: Preview) -> tuple[str, ...]:
        if position_of(preview.read.data, surface) == START and not pinned_stages(preview.read.data, surface):
            return ()  # nobody has been compared yet: the first step has no gate before it
        ramp = self.ramp(surface)
        before = position_of(preview.read.data, surface, ramp)
        after = position_of(preview.read.data.with_flag(preview.key, preview.flag), surface, ramp)
        if before is None or after is None:
            return ("the flag does not assign tenants by their key, so it is not known where the ramp is",)
        if not before < after or before == START:
            return ()
        here, there = reached(ramp, before), reached(ramp, after)
        skipped = [step.name for step in ramp.steps[here + 1 : there]]
        found = [f"the edit skips steps of the ramp: {', '.join(skipped)}"] if skipped else []
        if here >= 0:
            since, approved_by = self._since(surface, before)
            found += _objections(self._asked(surface, ramp.steps[here], since, approved_by))
        return tuple(found)

    def _since(self, surface: str, here: Position) -> tuple[float, tuple[str, ...]]:
        if self._reading:
            known = self._store.taken(surface)
            taken = known if known is not None and known.position == here else None
        else:
            taken = self._store.seen(surface, here, self._clock())
        return (self._clock(), ()) if taken is None else (taken.since, taken.approved_by)

    def _asked(self, surface: str, step: Step, since: float, approved_by: tuple[str, ...]) -> Gated:
        # Imported here: SciPy takes half a second, and a surface whose ramp has not begun does not need it.
        from migration.rollout.gate import decide
        from migration.rollout.reading import StandingReader

        reader = StandingReader(self._settings, surface, step, since, keep=False, clock=self._clock)
        try:
            standing = reader.read()
        finally:
            reader.close()
        standing.approved_by = approved_by
        decision = decide(step, standing, self._clock())
        if not self._reading:
            self._store.need(surface, decision.runs_needed, self._clock())
        return Gated(step=step, since=since, standing=standing, decision=decision)


def _objections(gated: Gated) -> list[str]:
    if gated.decision.what == "promote":
        return []
    return [f"the gate of {gated.step.name} says {gated.decision.what}: {reason}" for reason in gated.decision.reasons]
