"""Whether candidate is slower than control, from the times of many comparisons. One slow run is neither a finding nor a divergence."""

from collections.abc import Callable, Iterable
from functools import reduce
from hashlib import blake2b

import msgspec

from migration.comparison.policy import LatencyRule, Policy
from migration.model import Divergence, Timing
from migration.sentence import say, word
from migration.statistics import slower_share

_ALIKE = 0.5
_TIMES = {
    "duration_s": "The duration of the run",
    "engine_s": "The engine's own share of the run",
    "first_event_s": "The time to the first event",
    "longest_gap_s": "The longest pause between two events",
}


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """How often one engine's run of a request was slower than the other's by more than both bounds of a rule."""

    slower: int = 0  #: how often candidate was slower
    faster: int = 0  #: how often control was slower
    runs: int = 0  #: pairs in which both times are known

    def with_pair(self, rule: LatencyRule, control: Timing, candidate: Timing) -> "Pairs":
        """Return the counts with one more pair. If one run lacks the time, the pair is not counted."""
        control_s, candidate_s = getattr(control, rule.metric), getattr(candidate, rule.metric)
        if control_s is None or candidate_s is None:
            return self
        return Pairs(
            slower=self.slower + _passes(rule, candidate_s, control_s),
            faster=self.faster + _passes(rule, control_s, candidate_s),
            runs=self.runs + 1,
        )


def count(rule: LatencyRule, timings: Iterable[tuple[Timing, Timing]]) -> Pairs:
    """Return the counts of these pairs, control's time first."""
    return reduce(lambda pairs, timing: pairs.with_pair(rule, *timing), timings, Pairs())


def findings(policy: Policy, counted: Callable[[LatencyRule], Pairs]) -> list[Divergence]:
    """Return a divergence for each rule that finds candidate slower than control.

    Args:
        policy: the surface's policy, with the rules.
        counted: returns the counts for a rule, over all known comparisons.
    """
    return [_divergence(policy.surface, rule, pairs) for rule in policy.latency if is_slower(rule, pairs := counted(rule))]


def is_slower(rule: LatencyRule, pairs: Pairs) -> bool:
    """Return whether candidate is slower. The chance of this for equally fast engines is at most the rule's `alpha`."""
    return slower_share(pairs.slower, pairs.faster, rule.alpha) > _ALIKE


def _passes(rule: LatencyRule, slow_s: float, quick_s: float) -> bool:
    return slow_s - quick_s > rule.excess_s and slow_s > quick_s * rule.ratio


def _divergence(surface: str, rule: LatencyRule, pairs: Pairs) -> Divergence:
    least = slower_share(pairs.slower, pairs.faster, rule.alpha)
    more = f"{rule.excess_s:g} s" + (f" and {(rule.ratio - 1) * 100:g} %" if rule.ratio > 1 else "")
    return Divergence(
        kind="latency",
        severity="reliability",
        fingerprint=blake2b(f"latency\x00{surface}\x00{rule.metric}".encode(), digest_size=6).hexdigest(),
        lane="",
        path=f"run.{rule.metric}",
        control=None,
        candidate=None,
        sentence=say(
            "{time} is more than {more} longer in candidate in {slower} of {runs} runs, and in control in {faster}. "
            "Candidate is slower in at least {least} % of the runs that differ this clearly.",
            time=word(_TIMES[rule.metric]),
            more=word(more),
            slower=pairs.slower,
            runs=pairs.runs,
            faster=pairs.faster,
            least=round(least * 100),
        ),
        occurrences=pairs.slower,
    )
