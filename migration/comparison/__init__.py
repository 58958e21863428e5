"""Two streams in, classified divergences and a verdict out. Read `compare` first: it is the list of steps."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migration.comparison.comparer import Comparer
    from migration.comparison.excerpt import EventRow, Row, aligned_events, aligned_rows
    from migration.comparison.explain import Explanation
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
    "default_policy",
    "load_ledger",
    "load_policy",
    "parse_ledger",
    "parse_policy",
]

#: Where each name is: imported when it is first asked for, since a command line needs few of them.
_MODULES = {
    "Accepted": "ledger",
    "Comparer": "comparer",
    "EventRow": "excerpt",
    "Excess": "noise",
    "Explanation": "explain",
    "Ledger": "ledger",
    "Limits": "limits",
    "NoiseFloor": "noise",
    "Policy": "policy",
    "Rate": "noise",
    "Row": "excerpt",
    "aligned_events": "excerpt",
    "aligned_rows": "excerpt",
    "default_policy": "policy",
    "load_ledger": "ledger",
    "load_policy": "policy",
    "parse_ledger": "ledger",
    "parse_policy": "policy",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a name of this package."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
