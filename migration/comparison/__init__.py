"""Two streams in, classified divergences and a verdict out. Read `compare` first: it is the list of steps."""

from migration.comparison.compare import compare
from migration.comparison.comparer import Comparer
from migration.comparison.excerpt import EventRow, Row, aligned_events, aligned_rows
from migration.comparison.explain import Explanation, explain
from migration.comparison.ledger import Accepted, Ledger, load_ledger, parse_ledger
from migration.comparison.limits import Limits
from migration.comparison.noise import Excess, NoiseFloor, Rate
from migration.comparison.policy import Policy, default_policy, load_policy, parse_policy

__all__ = [
    "Accepted",
    "Comparer",
    "EventRow",
    "Excess",
    "Explanation",
    "Ledger",
    "Limits",
    "NoiseFloor",
    "Policy",
    "Rate",
    "Row",
    "aligned_events",
    "aligned_rows",
    "compare",
    "default_policy",
    "explain",
    "load_ledger",
    "load_policy",
    "parse_ledger",
    "parse_policy",
]
