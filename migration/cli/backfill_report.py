"""What `backfill` does and shows."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from migration.cli.output import note, print_json, print_table
from migration.errors import ConfigurationError, MigrationError
from migration.settings import MigrationSettings
from migration.stages import Store
from migration.stores import Backfill, BackfillProgress, Coverage, Outbox, StoresDatabase, StoresOpener, TenantResult


class BackfillReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a backfill."""

    surface: str
    to: str
    copied: int  #: number of copied runs, including those before a restart
    whole: bool  #: the store is known to contain every run of every tenant
    tenants: list[TenantResult]
    seconds: float  #: duration of this call


def report(settings: MigrationSettings, surface: str, to: Store, *, as_json: bool) -> bool:
    """Fill the store, and print the result; return whether the history of every tenant is complete.

    Raises:
        ConfigurationError: the run stores are not configured, or cannot be opened.
        MigrationError: a store does not answer.
    """
    started = time.monotonic()
    with _progress_bar(f"{surface} -> {to} store") as tell:
        job, tenants = asyncio.run(_run(settings, surface, to, tell))
    found = BackfillReport(
        surface=surface,
        to=to,
        copied=job.copied,
        whole=all(tenant.whole for tenant in tenants),
        tenants=tenants,
        seconds=round(time.monotonic() - started, 3),
    )
    if as_json:
        print_json(found)
    else:
        _print(found)
    for tenant in tenants:
        if not tenant.whole:
            note(f"{surface}: {tenant.tenant_id}: {tenant.reason}; fix this and run the backfill again")
    return found.whole


async def _run(
    settings: MigrationSettings, surface: str, to: Store, tell: Callable[[BackfillProgress], None]
) -> tuple[Backfill, list[TenantResult]]:
    database = StoresDatabase(settings.outbox())
    try:
        async with _opener(settings)() as stores:
            job = Backfill(surface, to, stores=stores, coverage=Coverage(database), outbox=Outbox(database), tell=tell)
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
