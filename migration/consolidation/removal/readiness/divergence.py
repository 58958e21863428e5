"""How often the candidate may still diverge, and which divergences were accepted. The evidence and the ledger give the answers."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from migration.comparison import Ledger, load_ledger
from migration.consolidation.removal.readiness.criteria import Criterion
from migration.evidence import StrataView, StratumView
from migration.statistics import rate_bounds

ALPHA: Final = 0.05
"""Chance, over all strata of a surface and over all evaluations, that any bound is ever too low."""

_MOST: Final = 10**9
_SHOWN: Final = 3


class BoundedStratum(StratumView, frozen=True, kw_only=True):
    """A stratum and the bound on its divergence rate."""

    upper_bound: float  #: upper bound of the divergence rate
    clean_runs_needed: int | None  #: see the function `clean_runs_needed`


def strata(found: StrataView, most: float) -> Criterion:
    """Return the criterion that the upper bound of the divergence rate of every stratum is below `most`, in (0, 1).

    Each bound is valid at any number of evaluations (`rate_bounds`). Each of n strata has the error `ALPHA` / (n (n + 1)). The k-th stratum
    that appears never has an error above `ALPHA` / (k (k + 1)). So the errors of all strata together stay below `ALPHA`, even while new
    strata appear (union bound; the sum over k of 1 / (k (k + 1)) is 1).
    """
    number = len(found.strata)
    alpha = ALPHA / (number * (number + 1)) if number else ALPHA
    rows = [_row(one, most, alpha) for one in found.strata]
    above = sorted((row for row in rows if row.upper_bound >= most), key=lambda row: -row.upper_bound)
    evidence = {
        "max_divergence": most,
        "alpha": ALPHA,
        "strata": msgspec.to_builtins(rows),
        "compared_before_strata_were_kept": found.unknown,
    }
    if not rows:
        detail = "There is no comparison with strata yet; shadow the surface, or replay its recordings with `replay FILE --store`."
    elif above:
        named = "; ".join(_sentence(row, most) for row in above[:_SHOWN])
        rest = f"; and {len(above) - _SHOWN} more" if len(above) > _SHOWN else ""
        detail = f"{len(above)} of {number} strata are not bounded below {most:.2%}: {named}{rest}."
    else:
        worst = max(rows, key=lambda row: row.upper_bound)
        detail = f"In each of {number} strata at most {worst.upper_bound:.2%} of the runs diverge, which is below {most:.2%}."
    return Criterion(name="strata", met=bool(rows) and not above, detail=detail, evidence=evidence)


@lru_cache(maxsize=4096)
def clean_runs_needed(divergent: int, runs: int, most: float, alpha: float) -> int | None:
    """Return how many more runs without a divergence bring the upper bound below `most`; 0: it is below already; None: more than 10^9."""

    def enough(more: int) -> bool:
        return rate_bounds(divergent, runs + more, alpha)[1] < most

    if enough(0):
        return 0
    high = 1
    while not enough(high):
        high *= 2
        if high > _MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def accepted(file: Path) -> Ledger:
    """Return the accepted divergences that a ledger lists.

    Raises:
        LedgerError: the file cannot be read or is not valid.
    """
    return load_ledger(file)


def ledger(found: Ledger) -> Criterion:
    """Return the criterion that each accepted divergence is accepted permanently."""
    open_ids = [entry.id for entry in found.entries if not entry.permanent]
    evidence = {"entries": len(found.entries), "not_permanent": open_ids}
    if open_ids:
        detail = (
            f"{len(open_ids)} of {len(found.entries)} are accepted only for a time ({', '.join(open_ids)}): fix them and remove the "
            "entries, or decide that the difference will stay (`permanent = true`)."
        )
    elif found.entries:
        detail = f"All {len(found.entries)} divergences in the ledger are accepted permanently."
    else:
        detail = "No divergence is accepted."
    return Criterion(name="ledger", met=not open_ids, detail=detail, evidence=evidence)


def _row(one: StratumView, most: float, alpha: float) -> BoundedStratum:
    return BoundedStratum(
        event=one.event,
        tool=one.tool,
        outcome=one.outcome,
        runs=one.runs,
        divergent=one.divergent,
        upper_bound=rate_bounds(one.divergent, one.runs, alpha)[1],
        clean_runs_needed=clean_runs_needed(one.divergent, one.runs, most, alpha),
    )


def _sentence(row: BoundedStratum, most: float) -> str:
    place = f"{row.event or 'no event'}{' of ' + row.tool if row.tool else ''}, {row.outcome}"
    return (
        f"{place}: {row.divergent} of {row.runs} runs diverge, so up to {row.upper_bound:.1%} may; "
        f"{row.clean_runs_needed or 'far too many'} more clean runs would bring it below {most:.2%}"
    )
