"""Bounds how often candidate diverges, for two claims that are easily confused.

"these tenants": the rate over the runs of the tenants seen so far, each weighted by its runs. The only uncertainty is in those of their
runs that were not compared: their results are not known. Nothing is assumed about how tenants differ, or about the order of their runs.

"tenants like these": the mean rate of the population from which these tenants were drawn. Each tenant counts once, as in a
cluster-randomised trial. It is also uncertain which tenants of the population came first. A tenant counts when it has had a fixed number of
runs, and only these first runs count: its share of divergent ones is then an unbiased value between 0 and 1, and tenants are independent of
each other. Twenty tenants cannot prove much: if all runs of one tenant in fifty diverge, twenty tenants include no such tenant with a
chance of two thirds. Without assumptions about the population, no method can prove that the rate is lower with fewer than log(1 / alpha) /
rate tenants, which is 149 for 2 % at 0.05.

Runs that were drawn but not compared count as divergent in upper bounds, and are left out of lower bounds. Each run that was drawn counts
with the reciprocal of its probability (Horvitz and Thompson 1952), so runs may be drawn with different probabilities; see `means`.
"""

from dataclasses import dataclass
from math import log
from typing import Any, Final

from migration.statistics.claims import THESE, Claim
from migration.statistics.means import Mean

RUNS_PER_TENANT: Final = 25
_NEVER: Final = 10**9


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a rate, from 0 to 1. For each of the two bounds, the chance that it is ever wrong is at most alpha."""

    lower: float
    upper: float


class Outcomes:
    """Counts outcomes of the runs of one gate. It keeps only counts: a new outcome takes microseconds, and bounds take the same time for
    any number of runs.

    Args:
        least_probability: the smallest probability with which runs are drawn for shadowing, as known beforehand. A run with a smaller one
            counts as not compared, whether it was drawn or not: otherwise a few such runs would weigh more than all others.
        runs_per_tenant: number of a tenant's first runs that give its rate, for "tenants like these". With more runs the rate is more
            exact, but the tenant counts later. 25 is few enough for small tenants, and 25 runs without a divergence show that a tenant's
            rate is hardly above 10 %.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, *, least_probability: float = 1.0, runs_per_tenant: int = RUNS_PER_TENANT) -> None:
        if not 0.0 < least_probability <= 1.0 or runs_per_tenant < 1:
            raise ValueError(
                f"probability {least_probability} must be above 0 and at most 1, runs per tenant {runs_per_tenant} must be 1 or more"
            )
        self.least_probability, self._first = least_probability, runs_per_tenant
        self.compared = 0  #: runs that were drawn and compared
        self.divergent = 0  #: those of them that diverged
        self.unseen = 0  #: runs that were drawn and not compared: shed, failed, inconclusive
        self.not_sampled = 0  #: runs that were not drawn
        self._most, self._least = Mean(high=1.0 / least_probability), Mean(high=1.0 / least_probability)
        self._tenants: dict[str, _Tenant] = {}
        self._tenants_seen = 0
        self._shares_at_most, self._shares_at_least = Mean(), Mean()

    @property
    def tenants(self) -> int:
        """Return how many tenants had a run that was drawn."""
        return len(self._tenants)

    @property
    def tenants_seen(self) -> int:
        """Return how many tenants had a run that was compared."""
        return self._tenants_seen

    @property
    def tenants_counted(self) -> int:
        """Return how many tenants count in upper bounds for "tenants like these"."""
        return self._shares_at_most.trials

    def add_compared(self, tenant: str, *, divergent: bool, probability: float = 1.0) -> None:
        """Count a run that was drawn and compared.

        Args:
            tenant: the run's tenant.
            divergent: whether the run has a divergence that is neither accepted nor noise.
            probability: the probability with which the run was drawn, as recorded before the run began.

        Raises:
            ValueError: the probability is not in (0, 1].
        """
        weight = self._weight(probability)
        self.compared += 1
        self.divergent += divergent
        if weight is None:
            self._most.add(1.0)
        else:
            self._most.add(weight if divergent else 0.0)
            self._least.add(weight if divergent else 0.0)
        self._tenant(tenant, at_most=divergent or weight is None, at_least=None if weight is None else divergent)

    def add_unseen(self, tenant: str, *, probability: float = 1.0) -> None:
        """Count a run that was drawn and not compared. Raises ValueError: the probability is not in (0, 1]."""
        weight = self._weight(probability)
        self.unseen += 1
        self._most.add(1.0 if weight is None else weight)
        self._tenant(tenant, at_most=True, at_least=None)

    def add_not_sampled(self, *, probability: float) -> None:
        """Count a run that was not drawn. Raises ValueError: the probability is not in (0, 1]."""
        weight = self._weight(probability)
        self.not_sampled += 1
        self._most.add(1.0 if weight is None else 0.0)
        if weight is not None:
            self._least.add(0.0)

    def bounds(self, claim: Claim, alpha: float) -> Bounds:
        """Return bounds that hold however often they are checked; 0 to 1 before the first run.

        Raises:
            ValueError: alpha is not between 0 and 1.
        """
        least, most = self._means(claim)
        return Bounds(lower=least.lower(alpha), upper=min(1.0, most.upper(alpha)))

    def evidence_above(self, claim: Claim, rate: float) -> float:
        """Return the logarithm of the evidence that the rate is above this one, a reason to roll back; -log(alpha) is proof at alpha."""
        return self._means(claim)[0].evidence_above(rate)

    def evidence_below(self, claim: Claim, rate: float) -> float:
        """Return the logarithm of the evidence that the rate is below this one, a reason to promote; -log(alpha) is proof at alpha."""
        return self._means(claim)[1].evidence_below(rate)

    def runs_to_promote(self, rate: float, alpha: float) -> int | None:
        """Return how many more runs like the earlier ones prove that the rate over these tenants is below this one; None: no number of runs
        does.

        Before the first run, assume runs without any divergence.
        """
        proof, most = -log(alpha), self._most
        if most.trials and most.average >= rate:
            return None
        more = 0
        while most.evidence_below_after(more, rate) < proof:
            more = 2 * more + 1
            if more > _NEVER:
                return None
        low = more // 2
        while more - low > 1:
            middle = (low + more) // 2
            low, more = (low, middle) if most.evidence_below_after(middle, rate) >= proof else (middle, more)
        return more

    def state(self) -> Any:  # noqa: ANN401 - numbers and names in lists
        """Return all counts, to be stored and later passed to `restored`."""
        means = [mean.state() for mean in (self._most, self._least, self._shares_at_most, self._shares_at_least)]
        tenants = [[name, one.runs, one.at_most, one.seen, one.at_least] for name, one in self._tenants.items()]
        counts = [self.compared, self.divergent, self.unseen, self.not_sampled, self._tenants_seen]
        return [self.least_probability, self._first, counts, means, tenants]

    @classmethod
    def restored(cls, state: Any) -> "Outcomes":  # noqa: ANN401 - as above
        """Return an object with these counts."""
        least_probability, first, counts, means, tenants = state
        found = cls(least_probability=least_probability, runs_per_tenant=first)
        found.compared, found.divergent, found.unseen, found.not_sampled, found._tenants_seen = counts
        for mean, kept in zip((found._most, found._least, found._shares_at_most, found._shares_at_least), means, strict=True):
            mean.restore(kept)
        found._tenants = {name: _Tenant(*rest) for name, *rest in tenants}
        return found

    def _means(self, claim: Claim) -> tuple[Mean, Mean]:
        return (self._least, self._most) if claim == THESE else (self._shares_at_least, self._shares_at_most)

    def _weight(self, probability: float) -> float | None:
        """Return the weight of a run; None: the weight is too large."""
        if not 0.0 < probability <= 1.0:
            raise ValueError(f"a run was drawn with probability {probability}, which must be above 0 and at most 1")
        return 1.0 / probability if probability >= self.least_probability else None

    def _tenant(self, name: str, *, at_most: bool, at_least: bool | None) -> None:
        found = self._tenants.get(name)
        if found is None:
            found = self._tenants[name] = _Tenant()
        if found.runs < self._first:
            found.runs += 1
            found.at_most += at_most
            if found.runs == self._first:
                self._shares_at_most.add(found.at_most / self._first)
        if at_least is not None and found.seen < self._first:
            self._tenants_seen += not found.seen
            found.seen += 1
            found.at_least += at_least
            if found.seen == self._first:
                self._shares_at_least.add(found.at_least / self._first)


@dataclass(slots=True)
class _Tenant:
    """Results of a tenant's first runs, up to `runs_per_tenant`."""

    runs: int = 0
    at_most: int = 0  #: runs among them that diverged or were not compared
    seen: int = 0
    at_least: int = 0  #: runs among `seen` that diverged
