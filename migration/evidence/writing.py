"""Writes a batch of comparisons into the tables, in one transaction; each comparison is stored once."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable, bindparam, delete, func, select, tuple_, update

from migration.evidence.recordings import Recorder
from migration.evidence.rows import ComparedRuns, Row, RowMaker
from migration.evidence.strata import StrataMaker
from migration.evidence.tables import bases, comparisons, divergence_kinds, occurrences, recordings, standings, strata_sets

_KINDS = divergence_kinds.c
_EXISTING = 200
_KNOWN = select(_KINDS.fingerprint, _KINDS.surface, _KINDS.sentence, _KINDS.examples, _KINDS.recordings).where(
    tuple_(_KINDS.fingerprint, _KINDS.surface).in_(bindparam("names", expanding=True))
)
_LINK = occurrences.insert()


class _Kind(NamedTuple):
    fingerprint: str
    surface: str


class _Known(NamedTuple):
    sentence: str
    examples: int
    recordings: int


def write(
    connection: Connection,
    findings: Sequence[ComparedRuns],
    rows: RowMaker,
    strata: StrataMaker,
    recorder: Recorder,
    *,
    now: float,
    examples: int,
) -> list[bool]:
    """Store the findings that are not stored yet, and return for each whether it is new.

    Args:
        connection: a connection in a transaction.
        findings: the comparisons; of duplicates only the first is stored.
        rows: makes the rows.
        strata: computes the runs' strata.
        recorder: makes the rows of runs that are stored as a whole.
        now: Unix seconds.
        examples: occurrences of a kind whose values are stored.
    """
    made: dict[tuple[str, str, str], tuple[int, Row]] = {}
    for place, finding in enumerate(findings):
        row = rows.comparison(finding, now) | strata.row(finding)
        made.setdefault(_key(row), (place, row))
    # The inserts come first, because they take SQLite's write lock immediately. A read lock would have to be upgraded later, which could
    # fail.
    if sets := strata.new_rows():
        connection.execute(_statements(connection.dialect.name).insert_sets, sets)
    if new_bases := rows.bases.new_rows():
        connection.execute(_statements(connection.dialect.name).insert_bases, new_bases)
    ids = _insert_new(connection, [row for _, row in made.values()])
    new = [(number, row["surface"], findings[place]) for key, (place, row) in made.items() if (number := ids.get(key)) is not None]
    if any(finding.comparison.divergences for _, _, finding in new):
        _write_divergences(connection, new, rows, recorder, now=now, examples=examples)
    stored = {place for key, (place, _) in made.items() if key in ids}
    return [place in stored for place in range(len(findings))]


def remove_before(connection: Connection, cutoff: float) -> int:
    """Remove comparisons from before `cutoff` (Unix seconds), and kinds not seen since; return the number of removed comparisons."""
    removed = connection.execute(delete(comparisons).where(comparisons.c.compared_at < cutoff)).rowcount
    connection.execute(delete(divergence_kinds).where(_KINDS.last_seen_at < cutoff))
    connection.execute(delete(standings))  # ids may be used again, so earlier readers must read everything again
    recount(connection)
    return removed


def recount(connection: Connection) -> None:
    """Recount the examples and recordings of each kind, so that a kind whose examples were removed can store new ones."""
    kept = (
        select(func.count())
        .where(occurrences.c.fingerprint == _KINDS.fingerprint, occurrences.c.surface == _KINDS.surface, occurrences.c.example)
        .scalar_subquery()
    )
    whole = (
        select(func.count())
        .select_from(recordings.join(occurrences, occurrences.c.comparison_id == recordings.c.comparison_id))
        .where(occurrences.c.fingerprint == _KINDS.fingerprint, occurrences.c.surface == _KINDS.surface)
        .scalar_subquery()
    )
    connection.execute(update(divergence_kinds).values(examples=kept, recordings=whole))


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["surface"], row["run_id"], row["shadows"]


def _insert_new(connection: Connection, rows: list[Row]) -> dict[tuple[str, str, str], int]:
    """Insert the comparisons and return the ids of those that were not stored yet."""
    inserted = connection.execute(_statements(connection.dialect.name).insert_comparisons, rows)
    return {(surface, run_id, shadows): number for number, surface, run_id, shadows in inserted}


def _write_divergences(
    connection: Connection, new: Sequence[tuple[int, str, ComparedRuns]], rows: RowMaker, recorder: Recorder, *, now: float, examples: int
) -> None:
    known = _known_kinds(
        connection, {_Kind(rows.fingerprint(one.fingerprint), at) for _, at, done in new for one in done.comparison.divergences}
    )
    kinds: dict[_Kind, Row] = {}
    links: list[Row] = []
    whole: list[Row] = []
    for number, surface, finding in new:
        found = {_Kind(rows.fingerprint(fingerprint), surface): same for fingerprint, same in finding.divergences().items()}
        wanted = any(_kept("recordings", name, kinds, known) < recorder.each for name in found)
        recording = recorder.row(finding) if wanted else None
        if recording is not None:
            whole.append({"comparison_id": number, **recording})
        for name, same in found.items():
            worst, kind = same[0], kinds.get(name)
            sentence = kind["sentence"] if kind else known[name].sentence if name in known else rows.sentence(worst, finding)
            times = sum(one.occurrences for one in same)
            link: Row = {"comparison_id": number, **name._asdict(), "verdict": worst.verdict.value, "times": times}
            is_example = _kept("examples", name, kinds, known) < examples
            links.append(link | (rows.example(worst, finding) if is_example else _NO_EXAMPLE))
            before = kind or _NOTHING_COUNTED
            kinds[name] = (
                rows.kind(worst, sentence)
                | name._asdict()
                | {"first_seen_at": now, "last_seen_at": now}
                | {
                    "count": before["count"] + times,
                    "examples": before["examples"] + is_example,
                    "recordings": before["recordings"] + (recording is not None),
                }
            )
    _upsert_kinds(connection, [kinds[name] for name in sorted(kinds)])
    connection.execute(_LINK, links)
    if whole:
        connection.execute(recordings.insert(), whole)


def _kept(what: str, name: _Kind, kinds: Mapping[_Kind, Row], known: Mapping[_Kind, _Known]) -> int:
    """Return the count of a kind, stored and in this batch together."""
    here: int = kinds[name][what] if name in kinds else 0
    stored: int = getattr(known[name], what) if name in known else 0
    return here + stored


_NOTHING_COUNTED: Row = {"count": 0, "examples": 0, "recordings": 0}
_NO_EXAMPLE: Row = {"example": False, "control": None, "candidate": None, "excerpt": None, "follows": None}


def _known_kinds(connection: Connection, names: set[_Kind]) -> dict[_Kind, _Known]:
    """Return the stored data of those kinds that are stored."""
    found: dict[_Kind, _Known] = {}
    ordered = sorted(names)
    for start in range(0, len(ordered), _EXISTING):
        stored = connection.execute(_KNOWN, {"names": ordered[start : start + _EXISTING]})
        found |= {_Kind(fingerprint, surface): _Known(*rest) for fingerprint, surface, *rest in stored}
    return found


def _upsert_kinds(connection: Connection, kinds: list[Row]) -> None:
    """Add new kinds and count known ones. The rows have the same order in every process, so that two of them cannot deadlock."""
    connection.execute(_statements(connection.dialect.name).upsert_kinds, kinds)


class _Statements(NamedTuple):
    insert_sets: Executable
    insert_bases: Executable
    insert_comparisons: Executable
    upsert_kinds: Executable


@lru_cache(maxsize=2)
def _statements(dialect: str) -> _Statements:
    """Return the statements in the dialect. They are made once, because building them takes longer than running them."""
    # Imported here, because a command that only reads starts faster without the dialects.
    from sqlalchemy.dialects import postgresql, sqlite

    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    compared, kind = comparisons.c, insert(divergence_kinds)
    new = kind.excluded
    return _Statements(
        insert_sets=insert(strata_sets).on_conflict_do_nothing(),
        insert_bases=insert(bases).on_conflict_do_nothing(),
        insert_comparisons=insert(comparisons)
        .on_conflict_do_nothing()
        .returning(compared.id, compared.surface, compared.run_id, compared.shadows),
        upsert_kinds=kind.on_conflict_do_update(
            index_elements=[_KINDS.fingerprint, _KINDS.surface],
            set_={
                "count": _KINDS.count + new.count,
                "examples": _KINDS.examples + new.examples,
                "recordings": _KINDS.recordings + new.recordings,
                "last_seen_at": new.last_seen_at,
                "last_verdict": new.last_verdict,
                "accepted_by": new.accepted_by,
                "severity": new.severity,
            },
        ),
    )
