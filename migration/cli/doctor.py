"""`doctor`: check whether everything that a migration needs is in place, and say what to do if not."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import typer

from migration.cli.output import JsonFlag, print_json
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.cli.checks import CheckResult

command = typer.Typer(add_completion=False)

_FINDING: Final = 1


@command.command()
def doctor(as_json: JsonFlag = False) -> None:
    """Check package, configuration, engines, flags, boundary, worker, stores, clocks and metrics, and say what to do.

    If no process serves, a shadow worker is started in an empty folder and stopped again. Your files are not changed.

    Exit codes: 0 nothing is wrong; 1 something is wrong; 2 a setting cannot be used.

    Example: netra-migration doctor --json
    """
    from migration.cli.checks import guarded

    settings = MigrationSettings()
    findings = [found for check in _checks() for found in guarded(check, settings)]
    healthy = all(one.state != "wrong" for one in findings)
    if as_json:
        print_json({"healthy": healthy, "findings": findings})
    else:
        for one in findings:
            typer.echo(f"{one.state:<6}  {one.check}: {one.found}" + f"\n        -> {one.advice}" * bool(one.advice))
    if not healthy:
        raise typer.Exit(_FINDING)


def _checks() -> "tuple[Callable[[MigrationSettings], Iterator[CheckResult]], ...]":
    """Return the checks in the order in which problems should be fixed."""
    from migration.cli import checks, worker_checks

    return (
        checks.package,
        checks.configuration,
        checks.engines,
        checks.flags,
        worker_checks.boundary,
        worker_checks.worker,
        checks.stores,
        checks.clock,
        checks.metrics,
    )
