"""Compares two streams: the result is classified divergences and a verdict. Read `compare` first: it lists the steps."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.comparison.comparer import Comparer
    from migration.comparison.judge.latency import Pairs, findings
    from migration.comparison.judge.ledger import Accepted, Ledger, load_ledger, parse_ledger
    from migration.comparison.judge.noise import Excess, NoiseFloor, Rate
    from migration.comparison.limits import Limits
    from migration.comparison.paths import matches, split
    from migration.comparison.policy import LatencyRule, Policy, Rule, default_policy, load_policy, parse_policy
    from migration.comparison.read.endings import fits, outcome_by
    from migration.comparison.read.outline import agent_of
    from migration.comparison.show.excerpt import EventRow, Row, aligned_events, aligned_rows
    from migration.comparison.show.explain import Explanation, RuleUse
    from migration.comparison.show.values import both_values
else:
    __getattr__ = front(
        __name__,
        {
            "Accepted": "judge.ledger",
            "Comparer": "comparer",
            "EventRow": "show.excerpt",
            "Excess": "judge.noise",
            "Explanation": "show.explain",
            "LatencyRule": "policy",
            "Ledger": "judge.ledger",
            "Limits": "limits",
            "NoiseFloor": "judge.noise",
            "Pairs": "judge.latency",
            "Policy": "policy",
            "Rate": "judge.noise",
            "Row": "show.excerpt",
            "Rule": "policy",
            "RuleUse": "show.explain",
            "agent_of": "read.outline",
            "aligned_events": "show.excerpt",
            "aligned_rows": "show.excerpt",
            "both_values": "show.values",
            "default_policy": "policy",
            "findings": "judge.latency",
            "fits": "read.endings",
            "load_ledger": "judge.ledger",
            "load_policy": "policy",
            "matches": "paths",
            "outcome_by": "read.endings",
            "parse_ledger": "judge.ledger",
            "parse_policy": "policy",
            "split": "paths",
        },
    )

__all__ = [
    "Accepted",
    "Comparer",
    "EventRow",
    "Excess",
    "Explanation",
    "LatencyRule",
    "Ledger",
    "Limits",
    "NoiseFloor",
    "Pairs",
    "Policy",
    "Rate",
    "Row",
    "Rule",
    "RuleUse",
    "agent_of",
    "aligned_events",
    "aligned_rows",
    "both_values",
    "default_policy",
    "findings",
    "fits",
    "load_ledger",
    "load_policy",
    "matches",
    "outcome_by",
    "parse_ledger",
    "parse_policy",
    "split",
]
