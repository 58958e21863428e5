"""How often candidate diverges, for two claims that are easily confused.

"these tenants": the rate over the runs of the tenants seen so far, each weighted by its runs. The only uncertainty is in those of their
runs that were not compared. Nothing is assumed about how tenants differ, or about the order of their runs.

"tenants like these": the mean rate of the population that these tenants were drawn from. Each tenant counts once, as in a randomised trial
of clusters. It is also uncertain which tenants happened to come first. A tenant counts when it has had a fixed number of runs, and only
these first runs count: its share of divergent ones is then an unbiased value between 0 and 1, and tenants are independent of each other.
Twenty tenants cannot prove much: if all runs of one tenant in fifty diverge, twenty tenants contain none of these with a chance of two
thirds. Fewer than log(1 / alpha) / rate tenants, 149 for 2 % at 0.05, cannot prove that the rate is lower, with any method, unless
something is assumed about the population.

Runs that the shadow did not see count as divergent in upper bounds, and are left out of lower ones. Runs that are drawn for shadowing at
random count with the reciprocal of the probability (Horvitz and Thompson 1952), so that a governor may draw where it wants to; see `means`.
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
    """Bounds of a rate, from 0 to 1; each side alone is ever wrong with a chance of at most its alpha."""

    lower: float
    upper: float


class Outcomes:
    """Counts outcomes of runs of one gate. A state: a new outcome costs microseconds, and bounds do not depend on how many there were.

    Args:
        least_probability: the smallest probability with which runs are drawn for shadowing, as known beforehand. A run with a smaller one
            counts as not seen, drawn or not: few such runs would else weigh more than all others.
        runs_per_tenant: first runs of a tenant that say its rate, for "tenants like these". The more, the less is left to chance within
            a tenant, and the later it counts. 25: few enough for small tenants, and a clean tenant says "hardly above 10 %".

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, *, least_probability: float = 1.0, runs_per_tenant: int = RUNS_PER_TENANT) -> None:
        if not 0.0 < least_probability <= 1.0 or runs_per_tenant < 1:
            raise ValueError(f"probability {least_probability} lies in (0, 1], runs per tenant {runs_per_tenant} are 1 or more")
        self.least_probability, self._first = least_probability, runs_per_tenant
        self.compared = 0  #: runs that were drawn and seen
        self.divergent = 0  #: of them
        self.unseen = 0  #: runs that were drawn and not seen: shed, failed, inconclusive
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
            tenant: of the run.
            divergent: whether it counts as divergent: unaccepted, and not noise.
            probability: with which the run was drawn, recorded before it began.

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
        """Count a run that was drawn and not seen. Raises ValueError: the probability is not in (0, 1]."""
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
        """Return the bounds that hold over all looks; 0 to 1 before the first run.

        Raises:
            ValueError: alpha is not between 0 and 1.
        """
        least, most = self._means(claim)
        return Bounds(lower=least.lower(alpha), upper=min(1.0, most.upper(alpha)))

    def evidence_above(self, claim: Claim, rate: float) -> float:
        """Return the logarithm of the evidence that the rate is above this one: what rolls back. -log(alpha) is proof at alpha."""
        return self._means(claim)[0].evidence_above(rate)

    def evidence_below(self, claim: Claim, rate: float) -> float:
        """Return the logarithm of the evidence that the rate is below this one: what promotes. -log(alpha) is proof at alpha."""
        return self._means(claim)[1].evidence_below(rate)

    def runs_to_promote(self, rate: float, alpha: float) -> int | None:
        """Return how many more runs, like those so far, prove that the rate over these tenants is below this one; None: no number does.

        Before the first run it is the number of runs without any divergence.
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
        """Return everything that was counted, to be kept and given to `restored`."""
        means = [mean.state() for mean in (self._most, self._least, self._shares_at_most, self._shares_at_least)]
        tenants = [[name, one.runs, one.at_most, one.seen, one.at_least] for name, one in self._tenants.items()]
        counts = [self.compared, self.divergent, self.unseen, self.not_sampled, self._tenants_seen]
        return [self.least_probability, self._first, counts, means, tenants]

    @classmethod
    def restored(cls, state: Any) -> "Outcomes":  # noqa: ANN401 - as above
        """Return what such a state describes."""
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
        """Return the weight of a run; None: too large a one."""
        if not 0.0 < probability <= 1.0:
            raise ValueError(f"a run was drawn with probability {probability}; it lies above 0 and is at most 1")
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
    """What the first runs of a tenant showed, until they are as many as count."""

    runs: int = 0
    at_most: int = 0  #: of them, divergent or not seen
    seen: int = 0
    at_least: int = 0  #: of them, divergent
