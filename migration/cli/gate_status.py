"""What `status` shows about gates: the interval of the divergence rate, the decision, and what is missing for a promotion."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date

import msgspec

from migration.errors import MigrationError
from migration.flags.editors import open_editor
from migration.rollout import Gated, Gates, What
from migration.settings import MigrationSettings


class GateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The gate of the step that a surface has taken."""

    step: str | None  #: name of the step; None: it is not known, see `reasons`
    what: What
    reasons: tuple[str, ...]
    claim: str | None = None  #: tenants to which the interval applies; None: there is no interval
    lower: float | None = None  #: lower bound of the share of divergent runs; None: the step has no shadow
    upper: float | None = None  #: upper bound of this share; drawn runs that were not compared count as divergent
    compared: int = 0
    unseen: int = 0  #: number of drawn runs that were shed, failed or inconclusive
    runs_needed: int | None = None  #: runs that a promotion still needs, if they are like the earlier ones; None: not known
    on: date | None = None  #: day on which there are enough runs at today's rate; None: not known

    @classmethod
    def of(cls, gated: Gated) -> "GateStatus":
        """Return the fields of a gate that `status` shows."""
        outcomes, gate, decision = gated.standing.outcomes, gated.step.gate, gated.decision
        bounds = outcomes.bounds(gate.claim, gate.alpha) if outcomes.compared or outcomes.unseen else None
        return GateStatus(
            step=gated.step.name,
            what=decision.what,
            reasons=decision.reasons,
            claim=None if bounds is None else gate.claim,
            lower=None if bounds is None else bounds.lower,
            upper=None if bounds is None else bounds.upper,
            compared=outcomes.compared,
            unseen=outcomes.unseen,
            runs_needed=decision.runs_needed,
            on=decision.on,
        )

    def sentence(self) -> str:
        """Return the gate in words, e.g. "hold at live 10 %: 0.10 % to 1.36 % diverge; 120 more runs, until 2026-12-04"."""
        said = self.what if self.step is None else f"{self.what} at {self.step}"
        if self.lower is not None and self.upper is not None:
            said += f": {100 * self.lower:.2f} % to {100 * self.upper:.2f} % diverge"
        if self.what == "hold" and self.runs_needed:
            said += f"; {self.runs_needed:,} more runs" + (f", until {self.on}" if self.on else "")
        elif self.what == "hold" and self.on:
            said += f"; until {self.on}"
        return said


def gate_status(settings: MigrationSettings, surfaces: Sequence[str]) -> Mapping[str, GateStatus | None]:
    """Return the gate of each surface; None: it has taken no step yet. If a gate cannot be evaluated, its decision is to hold, and its
    reasons say why.
    """
    try:
        data = open_editor(settings).read().data
    except MigrationError as error:
        return dict.fromkeys(surfaces, _unknown(error))
    with closing(Gates(settings, reading=True)) as gates:
        found: dict[str, GateStatus | None] = {}
        for surface in surfaces:
            try:
                gated = gates.at(surface, data)
                found[surface] = None if gated is None else GateStatus.of(gated)
            except MigrationError as error:
                found[surface] = _unknown(error)
    return found


def _unknown(error: MigrationError) -> GateStatus:
    return GateStatus(step=None, what="hold", reasons=(str(error),))
