"""`doctor`: check whether everything that a migration needs is in place, and say what to do if not."""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
import typer

from migration.cli import checks, worker_checks
from migration.cli.checks import CheckResult, guarded
from migration.cli.output import JsonFlag, print_json
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False)

_FINDING: Final = 1
#: In the order in which problems should be fixed.
CHECKS: Final[tuple[Callable[[MigrationSettings], Iterator[CheckResult]], ...]] = (
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


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The results of all checks."""

    healthy: bool  #: nothing is wrong; there may be remarks
    findings: list[CheckResult]


@command.command()
def doctor(as_json: JsonFlag = False) -> None:
    """Check package, configuration, engines, flags, boundary, worker, stores, clocks and metrics, and say what to do.

    If no process serves, a shadow worker is started in an empty folder and stopped again. Your files are not changed.

    Exit codes: 0 nothing is wrong; 1 something is wrong; 2 a setting cannot be used.

    Example: netra-migration doctor --json
    """
    settings = MigrationSettings()
    findings = [found for check in CHECKS for found in guarded(check, settings)]
    diagnosis = Diagnosis(healthy=all(one.state != "wrong" for one in findings), findings=findings)
    if as_json:
        print_json(diagnosis)
    else:
        for one in findings:
            typer.echo(f"{one.state:<6}  {one.check}: {one.found}" + f"\n        -> {one.advice}" * bool(one.advice))
    if not diagnosis.healthy:
        raise typer.Exit(_FINDING)
