"""Two streams in, classified divergences and a verdict out. Read `compare` first: it is the list of steps."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migration.comparison.comparer import Comparer
    from migration.comparison.judge.ledger import Accepted, Ledger, load_ledger, parse_ledger
    from migration.comparison.judge.noise import Excess, NoiseFloor, Rate
    from migration.comparison.limits import Limits
    from migration.comparison.policy import Policy, default_policy, load_policy, parse_policy
    from migration.comparison.show.excerpt import EventRow, Row, aligned_events, aligned_rows
    from migration.comparison.show.explain import Explanation

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
    "default_policy",
    "load_ledger",
    "load_policy",
    "parse_ledger",
    "parse_policy",
]

#: Where each name is: imported when it is first asked for, since a command line needs few of them.
_MODULES = {
    "Accepted": "judge.ledger",
    "Comparer": "comparer",
    "EventRow": "show.excerpt",
    "Excess": "judge.noise",
    "Explanation": "show.explain",
    "Ledger": "judge.ledger",
    "Limits": "limits",
    "NoiseFloor": "judge.noise",
    "Policy": "policy",
    "Rate": "judge.noise",
    "Row": "show.excerpt",
    "aligned_events": "show.excerpt",
    "aligned_rows": "show.excerpt",
    "default_policy": "policy",
    "load_ledger": "judge.ledger",
    "load_policy": "policy",
    "parse_ledger": "judge.ledger",
    "parse_policy": "policy",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a name of this package."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
