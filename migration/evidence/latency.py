"""How often one of the two runs of a request was slower, counted by the database."""

from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from migration.evidence.tables import comparisons
from migration.model import Verdict

_COMPARED: Final = comparisons.c


def slower_pairs(connection: Connection, surface: str, metric: str, *, excess_s: float, ratio: float) -> tuple[int, int, int]:
    """Return in how many comparisons candidate was slower, in how many control was, and how many have both times.

    Args:
        connection: a connection to the evidence.
        surface: the comparisons' surface. Inconclusive comparisons are left out, because their runs did different work.
        metric: a time of `model.Timing`.
        excess_s: the slower run takes at least this many seconds longer.
        ratio: the slower run takes at least this many times as long.
    """
    control, candidate = _time("control", metric), _time("candidate", metric)
    both = and_(control.is_not(None), candidate.is_not(None))

    def slower(slow: ColumnElement[float], quick: ColumnElement[float]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((and_(both, slow - quick > excess_s, slow > quick * ratio), 1), else_=0)), 0)

    query = select(slower(candidate, control), slower(control, candidate), func.coalesce(func.sum(case((both, 1), else_=0)), 0)).where(
        _COMPARED.surface == surface, _COMPARED.verdict != Verdict.INCONCLUSIVE.value
    )
    one, other, pairs = connection.execute(query).one()
    return int(one), int(other), int(pairs)


def _time(side: str, metric: str) -> ColumnElement[float]:
    if metric == "engine_s":
        share: ColumnElement[float] = _COMPARED[f"{side}_duration_s"] - _COMPARED[f"{side}_effect_s"]
        return case((share < 0, 0.0), else_=share)
    return _COMPARED[f"{side}_{metric}"]
