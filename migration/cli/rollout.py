"""`rollout`: simulate a ramp before it is used."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migration.cli import rollout_control
from migration.cli.output import JsonFlag, print_json, print_table
from migration.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migration.rollout import Summary

command = typer.Typer(add_completion=False, no_args_is_help=True, help="Move surfaces along their ramps, or simulate a ramp.")


@command.callback()
def rollout() -> None:
    """Move surfaces along their ramps, or simulate a ramp."""


for control in ("run", "start", "status", "approve", "pause", "resume", "abort"):
    command.command(name=control)(getattr(rollout_control, control))


@command.command(name="simulate")
def simulate_ramp(
    ramp: Annotated[
        Path | None, typer.Argument(help="TOML file of the ramp; default: the ramp that is part of the package.", show_default=False)
    ] = None,
    *,
    divergence: Annotated[str, typer.Option(help="True share of runs that diverge, such as 0.5%.")] = "0.5%",
    runs_a_day: Annotated[int, typer.Option("--runs-a-day", min=1, help="Runs of all tenants that are drawn for shadowing.")] = 2000,
    tenants: Annotated[int, typer.Option(min=1, help="Number of tenants; their traffic and their divergence rates differ.")] = 40,
    shed: Annotated[str, typer.Option(help="Share of drawn runs that are not shadowed.")] = "0%",
    slower: Annotated[str, typer.Option(help="By how much longer candidate takes than control.")] = "0%",
    days: Annotated[int, typer.Option(min=1, help="Number of days after which the simulation of a ramp ends.")] = 60,
    ramps: Annotated[int, typer.Option(min=1, help="Ramps to simulate.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same ramps.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Show how long a ramp would take, and how likely a wrong promotion or a needless hold is. Runs are simulated; gates are the real ones.

    Exit codes: 0 done; 2 wrong use.

    Example: netra-migration rollout simulate --divergence 0.5% --runs-a-day 2000 --tenants 40
    """
    import msgspec

    from migration.rollout import DEFAULT_RAMP, World, read_ramp, simulate

    found = read_ramp(ramp or DEFAULT_RAMP)
    world = World(
        divergence=_share("--divergence", divergence),
        shed=_share("--shed", shed),
        slower=1.0 + _share("--slower", slower),
        runs_a_day=runs_a_day,
        tenants=tenants,
        days=days,
    )
    with _bar(ramps) as progress:
        summary = simulate(found, world, ramps=ramps, seed=seed, progress=progress)
    if as_json:
        print_json({"ramp": found.source, "seed": seed, "world": _fields(world), **msgspec.to_builtins(summary)})
        return
    print_table(f"{ramps} ramps of {found.source}", ["what", "share or days"], _rows(summary))
    for reason in summary.example:
        typer.echo(f"e.g. {reason}", err=True)


def _rows(summary: "Summary") -> list[list[str]]:
    return [
        ["completed", f"{summary.complete:.1%}"],
        ["rolled back", f"{summary.rolled_back:.1%}"],
        ["still held at the end", f"{summary.held:.1%}"],
        ["promoted a step with more divergence than its gate allows", f"{summary.wrong_promotion:.1%}"],
        ["held or rolled back needlessly", f"{summary.needless:.1%}"],
        ["days, median", f"{summary.days_median:.1f}"],
        ["days, 90th percentile", f"{summary.days_slow:.1f}"],
        *([f"ended at {step}", f"{number} ramps"] for step, number in summary.stopped_at.items()),
    ]


def _fields(world: object) -> object:
    import msgspec

    return msgspec.to_builtins(world)


def _share(option: str, written: str) -> float:
    try:
        found = float(written.strip().removesuffix("%")) / 100
    except ValueError:
        found = -1.0
    if not (written.strip().endswith("%") and 0.0 <= found <= 1.0):
        raise ConfigurationError(f'{option} is "{written}"; write a share from 0% to 100%, such as 0.5%')
    return found


@contextmanager
def _bar(ramps: int) -> "Iterator[Callable[[], None]]":
    from migration.cli.progress import progress_bar

    with progress_bar("ramps") as bar:
        bar.begin(ramps)
        yield lambda: bar.advance(1)
