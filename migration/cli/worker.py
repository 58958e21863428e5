"""`worker`: the process that runs shadows. The backend starts it; a person rarely does."""

import os
from typing import Annotated

import typer

command = typer.Typer(
    add_completion=False,
    help="Run shadows for a backend. The backend starts this process itself and talks to it over pipes; it is not started by hand.",
)


@command.command()
def worker(
    jobs_fd: Annotated[int | None, typer.Option("--jobs-fd", hidden=True, help="File descriptor from which jobs are read.")] = None,
    results_fd: Annotated[
        int | None, typer.Option("--results-fd", hidden=True, help="File descriptor to which results are written.")
    ] = None,
) -> None:
    """Run shadows for a backend. The backend starts this process and gives it two pipes.

    If it is started by hand, it has no pipes and exits with 2. To run recorded runs through both engines, use `netra-migration replay
    FILE`.
    """
    if jobs_fd is None or results_fd is None:
        typer.echo(
            "error: the shadow worker is started by the backend (`netra serve`) and needs its pipes; "
            "to run recordings through both engines use `netra-migration replay FILE`",
            err=True,
        )
        raise typer.Exit(2)
    for option, descriptor in (("--jobs-fd", jobs_fd), ("--results-fd", results_fd)):
        try:
            os.fstat(descriptor)
        except OSError:
            raise typer.BadParameter(f"descriptor {descriptor} is not open", param_hint=option) from None
    from migration.shadow import run_worker

    raise typer.Exit(run_worker(jobs_fd, results_fd))
