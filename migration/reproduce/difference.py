"""Describes what both engines did with a recorded run, as text for the report of a test."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from migration.comparison import Row, aligned_rows
from migration.model import Divergence, Verdict
from migration.reproduce.engines import Compared

_CELL: Final = 60
_LANE: Final = 24
_MARKS: Final = {"equal": "", "gap": ""}


def report(compared: Compared, *, show_values: bool) -> str:
    """Return verdict, sentences and both streams side by side.

    Args:
        compared: both runs and their comparison.
        show_values: whether values may be shown; False: only kinds, field names and types.
    """
    comparison = compared.comparison
    lines = [f"run {comparison.run_id} of {comparison.surface}: {comparison.verdict.value}"]
    lines += [f"  inconclusive: {reason}" for reason in comparison.reasons]
    lines += [f"  not looked at: {what}" for what in comparison.not_looked_at]
    for divergence in sorted(comparison.divergences, key=lambda one: one.verdict is not Verdict.DIVERGENT):
        lines += _told(divergence, show_values=show_values)
    if compared.control is not None and compared.candidate is not None:
        rows = aligned_rows(compared.control, compared.candidate, comparison, show_values=show_values)
        lines += ["", *_table(rows)] if rows else []
    return "\n".join(lines)


def _told(divergence: Divergence, *, show_values: bool) -> Iterator[str]:
    judged = f"accepted by {divergence.accepted_by}" if divergence.verdict is Verdict.ACCEPTED else divergence.verdict.value
    yield f"  {judged}: {divergence.sentence} [{divergence.severity}, {divergence.kind} {divergence.fingerprint}]"
    if show_values and divergence.verdict is Verdict.DIVERGENT:
        for side, value in (("control", divergence.control), ("candidate", divergence.candidate)):
            yield f"      {side + ':':<11}{'nothing' if value is None else textwrap.shorten(value, 200, placeholder=' ...')}"


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield _row("", "lane", "control", "candidate")
    yield _row("-" * 8, "-" * _LANE, "-" * _CELL, "-" * _CELL)
    for row in rows:
        yield _row(_MARKS.get(row.mark, row.mark), row.lane, row.control or "", row.candidate or "")


def _row(mark: str, lane: str, control: str, candidate: str) -> str:
    return f"{mark:<8}  {_cut(lane, _LANE):<{_LANE}}  {_cut(control, _CELL):<{_CELL}}  {_cut(candidate, _CELL)}".rstrip()


def _cut(cell: str, width: int) -> str:
    flat = " ".join(cell.split())
    return flat if len(flat) <= width else f"{flat[: width - 3]}..."
