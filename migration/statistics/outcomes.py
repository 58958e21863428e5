"""Bounds how often candidate diverges, for two claims that are easily confused.

"these tenants": the rate over the runs of the tenants seen so far, each weighted by its runs. The only uncertainty is about runs that were
not compared, because their results are not known. Nothing is assumed about how tenants differ, or about the order of their runs.

"tenants like these": the mean rate of the population from which these tenants were drawn. Each tenant counts once, as in a
cluster-randomised trial. A further uncertainty is which tenants of the population came first. A tenant counts when it has had a fixed
number of
runs, and only these first runs count: its share of divergent ones is then an unbiased value between 0 and 1, and tenants are independent of
each other. Twenty tenants cannot prove much: if all runs of one tenant in fifty diverge, twenty tenants include no such tenant with a
chance of two thirds. Without assumptions about the population, no method can prove that the rate is lower with fewer than log(1 / alpha) /
rate tenants, which is 149 for 2 % at 0.05.

Runs that were drawn but not compared count as divergent in upper bounds, and are left out of lower bounds.

A run that was drawn counts with the reciprocal of its probability, and a run that was not drawn counts as zero (Horvitz and Thompson 1952).
So runs may be drawn with different probabilities. The largest weight must be known beforehand, but nobody knows beforehand how far a
governor will lower the probability. Therefore the money of `means` is divided among several players, each with its own least probability.
The sum of
their money is evidence too. The code uses the money of the richest player, which is less than this sum.
"""

from dataclasses import dataclass
from math import log
from typing import Any, Final

from migration.statistics.claims import THESE, Claim
from migration.statistics.means import Mean

RUNS_PER_TENANT: Final = 25
_NEVER: Final = 10**9
_HALVINGS: Final = 10
LEAST_PROBABILITY: Final = 0.5**_HALVINGS
"""A run that was drawn with a smaller probability counts as not compared: otherwise a few such runs would weigh more than all others."""
MOSTLY: Final = 0.9
"""Share of the money that is staked on the assumption that every run is drawn.

The rest is divided among ten smaller values of the least probability.
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a rate, from 0 to 1. For each of the two bounds, the chance that it is ever wrong is at most alpha."""

    lower: float
    upper: float


class Outcomes:
    """Counts outcomes of the runs of one gate. It keeps only counts: a new outcome takes microseconds, and bounds take the same time for
    any number of runs.

    Args:
        runs_per_tenant: number of a tenant's first runs that give its rate, for "tenants like these". With more runs the rate is more
            exact, but the tenant counts later. 25 is few enough for small tenants, and 25 runs without a divergence show that a tenant's
            rate is hardly above 10 %.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, *, runs_per_tenant: int = RUNS_PER_TENANT) -> None:
        if runs_per_tenant < 1:
            raise ValueError(f"runs per tenant are {runs_per_tenant}; give 1 or more")
        self._first = runs_per_tenant
        self.compared = 0  #: runs that were drawn and compared
        self.divergent = 0  #: compared runs that diverged
        self.unseen = 0  #: runs that were drawn and not compared: shed, failed, inconclusive
        self.not_sampled = 0  #: runs that were not drawn
        self._players = [_Player(1.0)]  #: players, each for runs drawn with at least its own probability; in descending order
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
        self._prepare(probability)
        self.compared += 1
        self.divergent += divergent
        for player in self._players:
            player.compared(probability, divergent=divergent)
        known = probability >= LEAST_PROBABILITY
        self._tenant(tenant, at_most=divergent or not known, at_least=divergent if known else None)

    def add_unseen(self, tenant: str, *, probability: float = 1.0) -> None:
        """Count a run that was drawn and not compared. Raises ValueError: the probability is not in (0, 1]."""
        self._prepare(probability)
        self.unseen += 1
        for player in self._players:
            player.unseen(probability)
        self._tenant(tenant, at_most=True, at_least=None)

    def add_not_sampled(self, *, probability: float, times: int = 1) -> None:
        """Count runs that were not drawn. Raises ValueError: the probability is not in (0, 1]."""
        self._prepare(probability)
        self.not_sampled += times
        for player in self._players:
            player.not_sampled(probability, times)

    def bounds(self, claim: Claim, alpha: float) -> Bounds:
        """Return bounds that hold however often they are checked; 0 to 1 before the first run.

        Raises:
            ValueError: alpha is not between 0 and 1.
        """
        if claim != THESE:
            return Bounds(lower=self._shares_at_least.lower(alpha), upper=self._shares_at_most.upper(alpha))
        lower = max(player.least.lower(alpha * player.share) for player in self._players)
        return Bounds(lower=lower, upper=min(1.0, *(player.most.upper(alpha * player.share) for player in self._players)))

    def evidence_above(self, claim: Claim, rate: float) -> float:
        """Return the logarithm of the evidence that the rate is above the given one, a reason to roll back; -log(alpha) is proof."""
        if claim != THESE:
            return self._shares_at_least.evidence_above(rate)
        return max(player.least.evidence_above(rate) + log(player.share) for player in self._players)

    def evidence_below(self, claim: Claim, rate: float) -> float:
        """Return the logarithm of the evidence that the rate is below the given one, a reason to promote; -log(alpha) is proof."""
        if claim != THESE:
            return self._shares_at_most.evidence_below(rate)
        return max(player.most.evidence_below(rate) + log(player.share) for player in self._players)

    def runs_to_promote(self, rate: float, alpha: float) -> int | None:
        """Return how many more runs like the earlier ones would prove that the rate is below the given one; None: no number would.

        Before the first run, assume runs without any divergence.
        """
        player = max(self._players, key=lambda one: one.most.evidence_below(rate) + log(one.share))
        proof, most = -log(alpha * player.share), player.most
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
        players = [[player.least_probability, player.most.state(), player.least.state()] for player in self._players]
        shares = [self._shares_at_most.state(), self._shares_at_least.state()]
        tenants = [[name, one.runs, one.at_most, one.seen, one.at_least] for name, one in self._tenants.items()]
        counts = [self.compared, self.divergent, self.unseen, self.not_sampled, self._tenants_seen]
        return [self._first, counts, players, shares, tenants]

    @classmethod
    def restored(cls, state: Any) -> "Outcomes":  # noqa: ANN401 - as above
        """Return an object with these counts."""
        first, counts, players, shares, tenants = state
        found = cls(runs_per_tenant=first)
        found.compared, found.divergent, found.unseen, found.not_sampled, found._tenants_seen = counts
        found._players = [_Player(least_probability) for least_probability, _most, _least in players]
        for player, (_least_probability, most, least) in zip(found._players, players, strict=True):
            player.most.restore(most)
            player.least.restore(least)
        found._shares_at_most.restore(shares[0])
        found._shares_at_least.restore(shares[1])
        found._tenants = {name: _Tenant(*rest) for name, *rest in tenants}
        return found

    def _prepare(self, probability: float) -> None:
        """Add players until one of them is for this probability. A new player begins with the counts of the last one, because all earlier
        runs were drawn with higher probabilities.

        Raises:
            ValueError: the probability is not in (0, 1].
        """
        if not 0.0 < probability <= 1.0:
            raise ValueError(f"a run was drawn with probability {probability}; it lies above 0 and is at most 1")
        while (last := self._players[-1]).least_probability > max(probability, LEAST_PROBABILITY):
            self._players.append(last.for_half())

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


class _Player:
    """Counts runs for bounds with a least probability that is known beforehand. A run with a smaller probability counts as not compared.

    With a smaller least probability, larger weights are possible, so less can be staked on each run.
    """

    def __init__(self, least_probability: float) -> None:
        self.least_probability = least_probability
        self.share = MOSTLY if least_probability == 1.0 else (1.0 - MOSTLY) / _HALVINGS  #: share of all money
        self.most, self.least = Mean(high=1.0 / least_probability), Mean(high=1.0 / least_probability)

    def for_half(self) -> "_Player":
        """Return a player for half of this least probability, which has seen the same runs."""
        found = _Player(self.least_probability / 2.0)
        found.most.restore(self.most.state())
        found.least.restore(self.least.state())
        return found

    def compared(self, probability: float, *, divergent: bool) -> None:
        weight = 1.0 / probability if divergent else 0.0
        if probability < self.least_probability:
            self.most.add(1.0)
        else:
            self.most.add(weight)
            self.least.add(weight)

    def unseen(self, probability: float) -> None:
        self.most.add(1.0 if probability < self.least_probability else 1.0 / probability)

    def not_sampled(self, probability: float, times: int) -> None:
        if probability < self.least_probability:
            self.most.add(1.0, times)
        else:
            self.most.add(0.0, times)
            self.least.add(0.0, times)


@dataclass(slots=True)
class _Tenant:
    """Results of a tenant's first runs, up to `runs_per_tenant`."""

    runs: int = 0
    at_most: int = 0  #: runs among them that diverged or were not compared
    seen: int = 0
    at_least: int = 0  #: runs among `seen` that diverged
