"""`backfill`: copy a surface's history from one run store to the other, and verify that it is complete."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.errors import ConfigurationError, MigrationError
from migration.settings import MigrationSettings
from migration.stores import Backfill, BackfillProgress, Coverage, Outbox, StoresDatabase, StoresOpener, TenantResult

command = typer.Typer(add_completion=False)

_FINDING = 1


class Target(StrEnum):
    """The store that must become complete."""

    USER = "user"
    LEGACY = "legacy"


class BackfillReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a backfill."""

    surface: str
    to: str
    copied: int  #: number of copied runs, including those before a restart
    whole: bool  #: the store is known to contain every run of every tenant
    tenants: list[TenantResult]
    seconds: float  #: duration of this call


@command.command()
def backfill(
    surface: Annotated[str, typer.Argument(help="The surface, e.g. chat.")],
    to: Annotated[
        Target, typer.Option("--to", help="The store to fill. Use `legacy` to go back after a time at `complete`.")
    ] = Target.USER,
    as_json: JsonFlag = False,
) -> None:
    """Copy a surface's finished runs into one run store, verified by count and digest per tenant. Stages from `shadow` on need it.

    You can run it while users chat, and repeat it: it continues where it was stopped, and copies nothing twice. Exit codes: 0 the history
    of every tenant is complete; 1 the history of a tenant is not, and the reason is shown; 2 wrong use, or a store does not answer.

    Example: netra-migration backfill chat
    """
    settings = MigrationSettings()
    known_surface(settings, surface)
    started = time.monotonic()
    with _progress_bar(f"{surface} -> {to.value} store") as tell:
        job, tenants = asyncio.run(_run(settings, surface, to, tell))
    report = BackfillReport(
        surface=surface,
        to=to.value,
        copied=job.copied,
        whole=all(tenant.whole for tenant in tenants),
        tenants=tenants,
        seconds=round(time.monotonic() - started, 3),
    )
    if as_json:
        print_json(report)
    else:
        _print(report)
    for tenant in tenants:
        if not tenant.whole:
            note(f"{surface}: {tenant.tenant_id}: {tenant.reason}; fix this and run the backfill again")
    if not report.whole:
        raise typer.Exit(_FINDING)


async def _run(
    settings: MigrationSettings, surface: str, to: Target, tell: Callable[[BackfillProgress], None]
) -> tuple[Backfill, list[TenantResult]]:
    database = StoresDatabase(settings.outbox())
    try:
        async with _opener(settings)() as stores:
            job = Backfill(surface, to.value, stores=stores, coverage=Coverage(database), outbox=Outbox(database), tell=tell)
            return job, await job.run()
    except MigrationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"the run stores cannot be opened ({type(error).__name__}: {error}); check NETRA_* and try again"
        ) from error
    finally:
        database.close()


def _opener(settings: MigrationSettings) -> StoresOpener:
    from migration.import_strings import load

    if not settings.stores:
        raise ConfigurationError("NETRA_MIGRATION_STORES is empty: this backend stores no finished runs, so there is nothing to copy")
    opener: StoresOpener = load(settings.stores, settings.import_path)
    return opener


@contextmanager
def _progress_bar(title: str) -> Iterator[Callable[[BackfillProgress], None]]:
    """Show the progress if stderr is a terminal; otherwise show nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("runs"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        tasks = {number: bar.add_task(f"{title}, {what}", total=None) for number, what in ((1, "copy"), (2, "verify"))}
        yield lambda progress: bar.update(tasks[progress.number], completed=progress.runs, total=progress.of)


def _print(report: BackfillReport) -> None:
    columns = ["tenant", "runs", "found", "digest", "found digest", "whole"]
    rows = [
        [one.tenant_id, str(one.runs), str(one.found), one.digest, one.found_digest, "yes" if one.whole else "NO"] for one in report.tenants
    ]
    print_table(f"{report.surface}: {report.copied} runs copied to the {report.to} store in {report.seconds:.1f} s", columns, rows)
