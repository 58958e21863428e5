"""Questions to the tables, answered as views."""

import zlib
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, func, select

from migration.evidence.tables import comparisons, divergence_kinds, occurrences, recordings
from migration.evidence.views import ComparisonView, DivergenceDetail, DivergenceView, Example, StoredRecording, SurfaceSummary, Values
from migration.model import Timing, Verdict

_COMPARED = comparisons.c
_KINDS = divergence_kinds.c
_FOUND = occurrences.c
_TALLIES = ("effects_recorded", "effects_replayed", "effects_missing", "effects_performed_by_shadow")


def surfaces(connection: Connection) -> list[str]:
    """Return the surfaces that have comparisons, by name."""
    return list(connection.execute(select(_COMPARED.surface).distinct().order_by(_COMPARED.surface)).scalars())


def summary(connection: Connection, surface: str) -> SurfaceSummary:
    """Return what is known about one surface; all zero if nothing is."""
    query = (
        select(
            _COMPARED.verdict,
            func.count().label("runs"),
            func.min(_COMPARED.compared_at).label("first_at"),
            func.max(_COMPARED.compared_at).label("last_at"),
            *(func.sum(_COMPARED[tally]).label(tally) for tally in _TALLIES),
        )
        .where(_COMPARED.surface == surface)
        .group_by(_COMPARED.verdict)
    )
    rows = connection.execute(query).mappings().all()
    verdicts = dict.fromkeys(Verdict, 0) | {Verdict(row["verdict"]): row["runs"] for row in rows}
    return SurfaceSummary(
        surface=surface,
        runs=sum(verdicts.values()),
        verdicts=verdicts,
        first_at=min((row["first_at"] for row in rows), default=None),
        last_at=max((row["last_at"] for row in rows), default=None),
        **{tally: sum(int(row[tally]) for row in rows) for tally in _TALLIES},
    )


def divergences(
    connection: Connection, *, surface: str | None, verdict: Verdict | None, kind: str | None, limit: int
) -> list[DivergenceView]:
    """Return kinds of divergences, the most frequent first; None as a filter means any."""
    query = select(divergence_kinds).order_by(_KINDS.count.desc(), _KINDS.fingerprint, _KINDS.surface).limit(limit)
    for column, wanted in ((_KINDS.surface, surface), (_KINDS.last_verdict, verdict), (_KINDS.kind, kind)):
        if wanted is not None:
            query = query.where(column == wanted)
    rows = connection.execute(query).mappings().all()
    latest = _latest_values(connection, [row["fingerprint"] for row in rows])
    return [_divergence(row, latest.get((row["fingerprint"], row["surface"]))) for row in rows]


def _latest_values(connection: Connection, fingerprints: list[str]) -> dict[tuple[str, str], Values]:
    """Return the values of the latest example of each kind, by fingerprint and surface."""
    newest = (
        select(func.max(_FOUND.id)).where(_FOUND.fingerprint.in_(fingerprints), _FOUND.example).group_by(_FOUND.fingerprint, _FOUND.surface)
    )
    query = select(_FOUND.fingerprint, _FOUND.surface, _FOUND.control, _FOUND.candidate).where(_FOUND.id.in_(newest))
    return {
        (fingerprint, surface): Values(control=control, candidate=candidate)
        for fingerprint, surface, control, candidate in connection.execute(query)
    }


def divergence(connection: Connection, fingerprint: str, surface: str | None) -> DivergenceDetail | None:
    """Return a kind with its examples; of several surfaces that have it, the one that saw it last. None: the kind does not exist."""
    query = select(divergence_kinds).where(_KINDS.fingerprint == fingerprint).order_by(_KINDS.last_seen_at.desc(), _KINDS.surface).limit(1)
    if surface is not None:
        query = query.where(_KINDS.surface == surface)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    here = (_FOUND.fingerprint == fingerprint) & (_FOUND.surface == row["surface"])
    judged = select(_FOUND.verdict, func.count(), func.max(_FOUND.times)).where(here).group_by(_FOUND.verdict)
    verdicts = [(Verdict(verdict), runs, most) for verdict, runs, most in connection.execute(judged)]
    shown = (
        select(
            *(_COMPARED[name] for name in ("run_id", "tenant_id", "stage", "serving", "trace_id", "shadow_trace_id", "compared_at")),
            *(_FOUND[name] for name in ("verdict", "control", "candidate", "excerpt", "follows")),
        )
        .join_from(occurrences, comparisons)
        .where(here, _FOUND.example)
        .order_by(_FOUND.id)
    )
    return DivergenceDetail(
        divergence=_divergence(row, _latest_values(connection, [fingerprint]).get((fingerprint, row["surface"]))),
        verdicts={verdict: runs for verdict, runs, _ in verdicts},
        most={verdict: most for verdict, _, most in verdicts},
        examples=[_example(example) for example in connection.execute(shown).mappings()],
    )


def list_comparisons(
    connection: Connection,
    *,
    surface: str | None,
    verdict: Verdict | None,
    tenant_id: str | None,
    run_id: str | None,
    fingerprint: str | None,
    limit: int,
) -> list[ComparisonView]:
    """Return comparisons, the newest first; None as a filter means any."""
    query = select(comparisons).order_by(_COMPARED.compared_at.desc(), _COMPARED.id.desc()).limit(limit)
    filters = ((_COMPARED.surface, surface), (_COMPARED.verdict, verdict), (_COMPARED.tenant_id, tenant_id), (_COMPARED.run_id, run_id))
    for column, wanted in filters:
        if wanted is not None:
            query = query.where(column == wanted)
    if fingerprint is not None:
        query = query.where(_COMPARED.id.in_(select(_FOUND.comparison_id).where(_FOUND.fingerprint == fingerprint)))
    return [_comparison(row) for row in connection.execute(query).mappings()]


def list_recordings(connection: Connection, *, surface: str | None, fingerprint: str | None) -> list[StoredRecording]:
    """Return the runs that are stored as a whole, the oldest first; None as a filter means any."""
    query = (
        select(*(_COMPARED[name] for name in ("run_id", "tenant_id", "surface", "compared_at")), recordings.c.line)
        .join_from(recordings, comparisons)
        .order_by(recordings.c.comparison_id)
    )
    if surface is not None:
        query = query.where(_COMPARED.surface == surface)
    if fingerprint is not None:
        query = query.where(recordings.c.comparison_id.in_(select(_FOUND.comparison_id).where(_FOUND.fingerprint == fingerprint)))
    return [
        StoredRecording(**(_fields(row, StoredRecording) | {"line": zlib.decompress(row["line"])}))
        for row in connection.execute(query).mappings()
    ]


def _divergence(row: RowMapping, example: Values | None) -> DivergenceView:
    fields = {name: row[name] for name in DivergenceView.__struct_fields__ if name in row and name != "example"}
    return msgspec.convert(fields | {"verdict": row["last_verdict"], "example": example}, DivergenceView)


def _example(row: RowMapping) -> Example:
    return msgspec.convert(_fields(row, Example) | {"excerpt": row["excerpt"] or [], "follows": row["follows"] or []}, Example)


def _comparison(row: RowMapping) -> ComparisonView:
    timings = {side: Timing(**{name: row[f"{side}_{name}"] for name in Timing.__struct_fields__}) for side in ("control", "candidate")}
    return msgspec.convert(_fields(row, ComparisonView) | timings, ComparisonView)


def _fields(row: RowMapping, view: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: row[name] for name in view.__struct_fields__ if name in row}
