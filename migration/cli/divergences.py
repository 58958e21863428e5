"""`divergences`: list the kinds of differences, show one in detail, accept one, or reduce one to a small test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json
from migration.errors import ConfigurationError, LedgerError, UnknownFingerprintError
from migration.model import DivergenceKind, Verdict
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.cli.judgement import DivergenceJudgement
    from migration.comparison import Ledger
    from migration.evidence import DivergenceDetail, DivergenceView, EvidenceReader


command = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List the kinds of divergences, show one with examples, accept one with reason and expiry.",
)

_FINDING = 1
_SUGGESTED = 10
_Surface = Annotated[str | None, typer.Option("--surface", help="Only this surface.")]
_Fingerprint = Annotated[str, typer.Argument(help="12 hex digits, as `divergences list` prints them.")]


@command.command("list")
def list_divergences(
    surface: _Surface = None,
    verdict: Annotated[Verdict | None, typer.Option(help="Only kinds whose last occurrence got this verdict.")] = None,
    kind: Annotated[DivergenceKind | None, typer.Option(help="Only this kind, e.g. missing_event.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List kinds of divergences, the most frequent first.

    Exit codes: 0 no listed kind is divergent; 1 at least one is; 2 wrong use.

    Example: netra-migration divergences list --verdict divergent --json
    """
    from migration.cli.divergence_page import view_with_values

    settings = MigrationSettings()
    chosen = known_surface(settings, surface) if surface else None
    with _evidence(settings) as evidence:
        slow = _latencies(settings, evidence, chosen) if kind in {None, "latency"} else []
        slow = [one for one in slow if verdict in {None, one.verdict}]
        found = [*slow, *evidence.divergences(chosen, verdict, kind, limit)][:limit]
    if as_json:
        print_json({"divergences": [view_with_values(one) for one in found]})
    else:
        _print_list(found, limit)
    if any(one.verdict is Verdict.DIVERGENT for one in found):
        raise typer.Exit(_FINDING)


@command.command()
def show(
    fingerprint: _Fingerprint,
    surface: _Surface = None,
    examples: Annotated[int, typer.Option(min=0, help="Show at most this many examples on the terminal.")] = 1,
    patch: Annotated[bool, typer.Option("--patch", help="Print a JSON Patch that turns control's events into candidate's.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show one kind of divergence: what differs, how often, its verdict, and examples with both streams side by side.

    Exit codes: 0 shown; 2 wrong use, or the kind does not exist.

    Example: netra-migration divergences show 0f3a9c2b71de
    """
    from migration.cli.divergence_page import detail_with_values, patches, print_detail

    settings = MigrationSettings()
    detail = _detail(settings, fingerprint, surface)
    why = _judgement(settings, detail)
    if patch:
        print_json({"patches": patches(detail)})
    elif as_json:
        print_json(detail_with_values(detail) | {"judgement": why})
    else:
        print_detail(detail, examples, why.reasons, project=settings.project)


@command.command()
def accept(
    fingerprint: _Fingerprint,
    *,
    reason: Annotated[str, typer.Option(help="Why users are not worse off.")],
    owner: Annotated[str, typer.Option(help="Team or person responsible for it.")],
    expires: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day on which it is accepted.")] = None,
    permanent: Annotated[bool, typer.Option("--permanent", help="Accept it without a last day: the difference will stay.")] = False,
    issue: Annotated[str | None, typer.Option(help="Where the fix is tracked.")] = None,
    at_most: Annotated[
        int | None, typer.Option(min=1, help="Accept at most this many occurrences in a run; more of them stay divergent.")
    ] = None,
    surface: _Surface = None,
    as_json: JsonFlag = False,
) -> None:
    """Accept one kind of divergence until a day, or permanently, by adding an entry to the surface's ledger.

    Running workers read the ledger again by themselves.

    Refused for severity `security`: another tenant's or user's data is never accepted. Earlier comparisons keep their verdict.

    Exit codes: 0 accepted; 2 wrong use, or refused.

    Example: netra-migration divergences accept 0f3a9c2b71de --reason "Wording only." --owner chat-team --expires 2027-01-31
    """
    from migration.cli.ledger_file import NewEntry, add_entry

    if (expires is None) == (not permanent):
        raise ConfigurationError("give either --expires DAY or --permanent, but not both")
    settings = MigrationSettings()
    kind = _detail(settings, fingerprint, surface).divergence
    if kind.severity == "security" or kind.kind == "isolation_breach":
        raise ConfigurationError(f"{fingerprint} is a security divergence ({kind.kind}), which is never accepted; fix the engine")
    path = settings.path(settings.ledger_dir) / f"{kind.surface}.toml"
    entry = NewEntry(
        fingerprint=fingerprint, reason=reason, owner=owner, expires=expires.date() if expires else None, issue=issue, at_most=at_most
    )
    added = add_entry(path, entry, name=f"{kind.kind}-{fingerprint[:6]}", today=datetime.now(UTC).date())
    if as_json:
        print_json({"ledger": str(path), "surface": kind.surface, "accepted": added})
    note(f"{path}: {added.id!r} accepts {fingerprint} {added.term}")


@command.command()
def minimise(
    fingerprint: _Fingerprint,
    *,
    recording: Annotated[Path | None, typer.Option(help="File of recorded runs; without it, the stored recordings are used.")] = None,
    out: Annotated[Path | None, typer.Option(help="The pytest file to write; without it, it is printed.")] = None,
    surface: _Surface = None,
    max_attempts: Annotated[int, typer.Option(min=1, help="Try at most this many recordings.")] = 3000,
    max_seconds: Annotated[float, typer.Option(min=0, help="Stop after this many seconds.")] = 120.0,
    as_json: JsonFlag = False,
) -> None:
    """Write a pytest file that fails while this kind of divergence exists. It contains the smallest recorded run that shows it.

    Both engines run offline; history, tools, texts and journal are made smaller as long as the divergence stays. Only runs of tenants that
    allow free text are stored. Read the file before you commit it: it contains the remaining parts of the run.

    Exit codes: 0 written; 1 no recording shows the divergence any more; 2 wrong use, or no recording is stored: the message gives the
    reason.

    Example: netra-migration divergences minimise 0f3a9c2b71de --out tests/test_lost_event.py
    """
    # Imported here: it also imports code that runs engines, which the other commands do not need.
    from migration.cli.minimising import minimised, write_down
    from migration.reproduce import Budget

    settings = MigrationSettings()
    if out is not None and out.exists():
        raise ConfigurationError(f"{out} already exists; remove it or name another file")
    chosen = known_surface(settings, surface) if surface else None
    budget = Budget(attempts=max_attempts, seconds=max_seconds)
    found = minimised(settings, fingerprint, budget, recording=recording, surface=chosen)
    if found is None:
        note(f"no recording shows {fingerprint} any more; `netra-migration replay FILE` shows what its runs contain")
        raise typer.Exit(_FINDING)
    write_down(found, settings.engines, out, as_json=as_json)


@contextmanager
def _evidence(settings: MigrationSettings) -> "Iterator[EvidenceReader]":
    from migration.evidence import EvidenceReader

    evidence = EvidenceReader.of_settings(settings)
    try:
        yield evidence
    finally:
        evidence.close()


def _detail(settings: MigrationSettings, fingerprint: str, surface: str | None) -> "DivergenceDetail":
    from migration.evidence import DivergenceDetail

    chosen = known_surface(settings, surface) if surface else None
    with _evidence(settings) as evidence:
        detail = evidence.divergence(fingerprint, chosen)
        if detail is None:
            slow = next((one for one in _latencies(settings, evidence, chosen) if one.fingerprint == fingerprint), None)
            detail = None if slow is None else DivergenceDetail(divergence=slow, verdicts={}, most={}, examples=[])
        if detail is None:
            raise UnknownFingerprintError(fingerprint, [one.fingerprint for one in evidence.divergences(chosen, limit=_SUGGESTED)])
    return detail


def _latencies(settings: MigrationSettings, evidence: "EvidenceReader", surface: str | None) -> "list[DivergenceView]":
    from migration.cli.latencies import latencies

    surfaces = evidence.surfaces() if surface is None else [surface]
    return [slow for one in surfaces for slow in latencies(evidence, one, _ledger(settings, one), settings.project)]


def _ledger(settings: MigrationSettings, surface: str) -> "Ledger":
    """Return the surface's ledger. If it cannot be read, report that and return an empty ledger."""
    from migration.comparison import Ledger, load_ledger

    try:
        return load_ledger(settings.path(settings.ledger_dir) / f"{surface}.toml")
    except LedgerError as error:
        note(str(error))
        return Ledger()


def _judgement(settings: MigrationSettings, detail: "DivergenceDetail") -> "DivergenceJudgement":
    """Return the reason of the verdict of this kind of divergence."""
    from migration.cli.judgement import judgement

    surface = detail.divergence.surface
    ledger = _ledger(settings, surface)
    with _evidence(settings) as evidence:
        return judgement(detail, ledger, evidence.noise(surface))


def _print_list(found: "list[DivergenceView]", limit: int) -> None:
    from migration.cli.divergence_page import print_list

    if not found:
        note("no divergence is known")
        return
    print_list(found)
    if len(found) == limit:
        note(f"only the {limit} most frequent are shown; --limit shows more")
