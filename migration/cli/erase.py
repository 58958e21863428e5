"""`erase`: remove everything stored about a tenant or one of its users, and prove that nothing is left."""

from typing import TYPE_CHECKING, Annotated

import typer

from migration.cli.names import listed_tenant
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.errors import ConfigurationError, MigrationError
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.erasure import ErasureReport

command = typer.Typer(add_completion=False)

_FINDING = 1


@command.command()
def erase(
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant.")],
    user: Annotated[str | None, typer.Option("--user", help="Only this user of the tenant.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove a tenant's or a user's data from run stores, outbox, evidence, recordings and known tenants, and search every file for it.

    Close the account first: further requests leave new data. The history keeps a digest. The command refuses while flags name the tenant:
    unpin the tenant first. Exit codes: 0 nothing is left; 1 something is left, or a process may still write it again: run the command
    again; 2 wrong use, or a database is down.

    Example: netra-migration erase --tenant acme --user ada
    """
    import asyncio

    from migration.erasure import Erasure, ErasureReport, Subject
    from migration.import_strings import load

    settings = MigrationSettings()
    subject = Subject(tenant_id=listed_tenant(settings, tenant), user_id=user)
    if not settings.stores:
        raise ConfigurationError("NETRA_MIGRATION_STORES is empty: set the run stores to erase from")
    if user is None:
        _check_flags(settings, tenant)
    whose = f"tenant {tenant}" if user is None else f"user {user} of tenant {tenant}"
    if not yes:
        typer.confirm(f"Remove everything that is stored about {whose}? This cannot be undone.", abort=True, err=True)

    async def run() -> ErasureReport:
        try:
            async with load(settings.stores, settings.import_path)() as stores:
                return await Erasure(settings, stores).run(subject)
        except MigrationError:
            raise
        except Exception as error:
            raise ConfigurationError(f"the run stores cannot be opened ({type(error).__name__}); check NETRA_* and try again") from error

    report = asyncio.run(run())
    if as_json:
        print_json(report)
    else:
        print_table(f"Removed of {whose}", ["place", "rows"], [[place, str(rows)] for place, rows in report.removed.items()])
    _say(report)
    if not report.complete:
        raise typer.Exit(_FINDING)


def _say(report: "ErasureReport") -> None:
    for place, rows in report.left.items():
        note(f"{place}: there are {rows} new rows; close the account and run this again")
    for process in report.waiting:
        note(f"{process} still had shadows to run, which may write evidence again; run this again")
    if report.proved:
        for file in report.named_in:
            note(f"{file} still contains the id; remove the file, or remove the id from it, and run this again")
        note(f"{report.searched} files searched, {len(report.named_in)} contain the id")
    else:
        note(f"{report.searched} files searched; the id is too short for such a search to prove anything, so the tables were checked")


def _check_flags(settings: MigrationSettings, tenant: str) -> None:
    from migration.flags.editors import open_editor
    from migration.processes import pinned

    if tenant in pinned(open_editor(settings).read().data):
        raise ConfigurationError(
            f"flags name {tenant}: `netra-migration stage unpin SURFACE {tenant}` on every surface first; no rule or segment may name it"
        )
