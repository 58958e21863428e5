"""The gauges of ramps: where each is, what its gate decided last, and whether a controller leads."""

import math
import time
from collections.abc import Callable
from typing import Any, Final, get_args

from migration.rollout.gate_rules import What
from migration.rollout.position import reached
from migration.rollout.ramp_file import parse_ramp
from migration.rollout.store import Rollout, RolloutStore, State
from migration.settings import MigrationSettings
from migration.telemetry import Metrics

_BOUNDS: Final = ("lower", "upper", "most")


class RampGauges:
    """Shows what the database says about ramps.

    Args:
        settings: the database.
        metrics: the gauges.
        clock: monotonic seconds.
    """

    def __init__(self, settings: MigrationSettings, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._metrics, self._clock = RolloutStore.of_settings(settings), metrics, clock
        self._lease: tuple[str, int] | None = None
        self._lease_at = clock()

    def show(self) -> None:
        """Read all ramps and the lease. Raises RolloutStateError."""
        known = {rollout.surface: rollout for rollout in self._store.rollouts()}
        for surface in self._metrics.surfaces:
            self._one(surface, known.get(surface))
        lease = self._store.lease()
        if lease != self._lease:
            self._lease, self._lease_at = lease, self._clock()
        # Clocks of hosts are not compared: the age counts from when this process saw a renewal, or began to look.
        self._metrics.controller_age_seconds.set(self._clock() - self._lease_at)

    def _one(self, surface: str, rollout: Rollout | None) -> None:
        metrics, decision = self._metrics, None if rollout is None else rollout.decision
        for state in get_args(State):
            metrics.ramp_state.labels(surface, state.replace(" ", "_")).set(int(rollout is not None and rollout.state == state))
        steps, taken = (math.nan, math.nan) if rollout is None else _steps(rollout)
        metrics.ramp_steps.labels(surface).set(steps)
        metrics.ramp_step.labels(surface).set(taken)
        for what in get_args(What):
            decided = math.nan if decision is None else int(decision.get("what") == what)
            metrics.gate_decision.labels(surface, what.replace(" ", "_")).set(decided)
        needed = None if decision is None else decision.get("runs_needed")
        metrics.gate_runs_needed.labels(surface).set(math.nan if needed is None else needed)
        of_all = _of_all_runs(decision)
        for bound in _BOUNDS:
            metrics.gate_divergent.labels(surface, bound).set(of_all.get(bound, math.nan))

    def hide(self) -> None:
        """Show that nothing is known."""
        for surface in self._metrics.surfaces:
            self._one(surface, None)
            for state in get_args(State):
                self._metrics.ramp_state.labels(surface, state.replace(" ", "_")).set(math.nan)
        self._metrics.controller_age_seconds.set(math.nan)

    def close(self) -> None:
        """Close all connections."""
        self._store.close()


def _steps(rollout: Rollout) -> tuple[float, float]:
    """Return the number of the ramp's steps, and how many of them were taken."""
    ramp = parse_ramp(rollout.ramp, rollout.ramp_name)
    return len(ramp.steps), math.nan if rollout.at is None else reached(ramp, rollout.at) + 1


def _of_all_runs(decision: dict[str, Any] | None) -> dict[str, float]:
    """Return the bounds of the divergent share of all runs; {}: no gate has decided yet."""
    found = [] if decision is None else decision.get("intervals", [])
    return next((dict(one) for one in found if one["name"] == "All runs"), {})
