"""The `demo` command: plays the scenario, shows it live on a terminal, and ends with the report."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from migration.cli import JsonFlag, print_json

command = typer.Typer(add_completion=False)

_FINDING: Final = 1


@command.command()
def demo(
    keep: Annotated[Path | None, typer.Option(help="Folder for flags, database, evidence and logs. Default: a temporary one.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Move real traffic from the legacy engines to UserExecutionEngine: backend, a ramp by itself, chats, shadows, kill switch, report.

    Needs no server and no network; takes about a minute. The exit code is 0 only if every step succeeded.
    """
    import asyncio

    with _folder(keep) as home:
        passed = asyncio.run(_play(home, as_json=as_json))
    if not passed:
        raise typer.Exit(_FINDING)


async def _play(home: Path, *, as_json: bool) -> bool:
    from rich.console import Console
    from rich.live import Live

    from migration import MigrationSettings
    from migration.evidence import EvidenceReader
    from netra_backend.app.execution.demo.backend import Backend, BackendError
    from netra_backend.app.execution.demo.progress import Progress
    from netra_backend.app.execution.demo.report import Report
    from netra_backend.app.execution.demo.scenario import Scenario

    started = time.monotonic()
    progress = Progress()
    backend = Backend(home, MigrationSettings().ledger_dir)
    console = Console(stderr=as_json)
    told: list[str] = []
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def tell() -> None:
            if console.is_terminal:
                live.update(_shown(progress, time.monotonic() - started), refresh=True)
            elif progress.phase not in told:
                told.append(progress.phase)
                console.print(f"{time.monotonic() - started:5.1f} s  {progress.phase}", highlight=False, soft_wrap=True)

        try:
            await Scenario(backend, progress, tell).play()
            metrics = await backend.metrics()
        except BackendError as error:
            live.stop()
            typer.echo(f"error: {error}", err=True)
            return False
        finally:
            await backend.aclose()
    evidence = EvidenceReader(backend.settings.evidence())
    try:
        report = Report(progress, metrics, evidence, time.monotonic() - started)
    finally:
        evidence.close()
    if as_json:
        print_json(report.document())
    else:
        report.print(console)
    return report.passed


def _shown(progress: "Progress", seconds: float) -> "Table":  # type: ignore[name-defined]  # noqa: F821 - imported when the command runs
    """Return what a terminal shows: the ramp while it is played, and then the chats."""
    from rich.table import Table

    from migration.stages import PLANS
    from netra_backend.app.execution.demo.report import decisions

    if not progress.chats:
        table = decisions(progress)
        table.title = f"{seconds:.0f} s: {progress.phase}"
        return table
    table = Table("tenant", "stage", "serves", "shadows", "chats", "last", title=f"{seconds:.0f} s: {progress.phase}", title_justify="left")
    done = Counter(chat.tenant for _, chat in progress.chats)
    last = {chat.tenant: f"{chat.engine}, {chat.duration_s * 1000:.0f} ms" for _, chat in progress.chats}
    for tenant, stage in progress.stages.items():
        plan = PLANS[stage]
        shadows = plan.shadows.value if plan.shadows else "-"
        table.add_row(tenant, stage.value, plan.serves.value, shadows, str(done[tenant]), last.get(tenant, ""))
    return table


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="netra-demo-", ignore_cleanup_errors=sys.platform == "win32") as folder:
        yield Path(folder)
