"""`rollout status`: each ramp with its steps, the gate's intervals as bars, the verdicts of the last runs, and what it waits for."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import typer

from migration.cli.output import note, print_json
from migration.errors import MigrationError
from migration.history import OF_RAMPS, Entry, History
from migration.rollout import Position, Rollout, RolloutStore, parse_ramp, reached
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.text import Text

_FINDING: Final = 1
_EVERY_S: Final = 1.0
_BAR: Final = 36  #: width of a bar in columns
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_RUNS_EACH: Final = 6  #: number of runs in one column of the sparkline
_LAST: Final = 5  #: number of decisions shown
_MOVING: Final = {"promote": "promoting", "roll back": "rolling back"}
_STYLES: Final = {"running": "cyan", "paused": "yellow", "rolled back": "bold red", "aborted": "dim", "complete": "bold green"}


class RampStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of a ramp."""

    rollout: Rollout
    steps: list[str]
    taken: int  #: number of the last step that was taken, from 0; -1: none was
    position: Position | None  #: None: no controller has looked yet
    since: float | None  #: Unix seconds; None: no controller has looked yet
    approved_by: Sequence[str]
    last: list[Entry]  #: decisions, the newest first


def show(settings: MigrationSettings, surface: str | None, *, watch: bool, as_json: bool) -> None:
    """Print the page, once or again and again.

    Raises:
        RolloutStateError: what is known about ramps cannot be read.
        Exit: a ramp was rolled back.
    """
    if watch and not as_json:
        _watch(settings, surface)
        return
    found = _read(settings, surface)
    if as_json:
        print_json({"ramps": [_document(one) for one in found]})
    elif not found:
        note("no ramp was started; use `rollout start SURFACE`")
    else:
        from rich.console import Console

        Console(highlight=False).print(page(found, time.time()))
    if any(one.rollout.state == "rolled back" for one in found):
        raise typer.Exit(_FINDING)


def page(found: Sequence[RampStatus], now: float) -> "Group":
    """Return all ramps, as a terminal shows them."""
    from rich.console import Group

    return Group(*(_panel(one, now) for one in found))


def bar(lower: float, upper: float, most: float, width: int = _BAR) -> str:
    """Return an interval as a bar on a scale from 0 to three times the allowed rate: ├ and ┤ are the bounds of the interval, ┃ is the
    allowed rate.

    An upper bound beyond the scale is drawn as an arrow at the end of the scale.
    """
    scale = 3 * most

    def column(rate: float) -> int:
        return min(width - 1, int(rate / scale * width))

    cells = ["·"] * width
    for place in range(column(lower), column(upper) + 1):
        cells[place] = "─"
    cells[column(lower)], cells[column(upper)] = "├", "┤" if upper <= scale else "▶"
    cells[column(most)] = "┃"
    return "".join(cells)


def sparkline(recent: str) -> str:
    """Return a sparkline: how many of the last runs diverged or were not compared. A column is a few runs; the newest are at the right."""
    groups = [recent[max(0, end - _RUNS_EACH) : end] for end in range(len(recent), 0, -_RUNS_EACH)]
    return "".join(_SPARKS[round((len(group) - group.count(".")) / len(group) * (len(_SPARKS) - 1))] for group in reversed(groups))


def _watch(settings: MigrationSettings, surface: str | None) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(highlight=False), auto_refresh=False, screen=True) as live:
        while True:
            try:
                found = _read(settings, surface)
                shown: RenderableType = page(found, time.time()) if found else Text("no ramp was started; use `rollout start SURFACE`")
            except MigrationError as error:
                shown = Text(f"it cannot be read: {error}")
            live.update(shown, refresh=True)
            time.sleep(_EVERY_S)


def _read(settings: MigrationSettings, surface: str | None) -> list[RampStatus]:
    with closing(RolloutStore.of_settings(settings, reading=True)) as store, closing(History.reading(settings)) as history:
        return [_status(store, history, one) for one in store.rollouts() if surface in {None, one.surface}]


def _status(store: RolloutStore, history: History, rollout: Rollout) -> RampStatus:
    ramp, taken = parse_ramp(rollout.ramp, rollout.ramp_name), store.taken(rollout.surface)
    decisions = [one for one in history.entries(rollout.surface) if one.kind in OF_RAMPS and one.surface == rollout.surface]
    return RampStatus(
        rollout=rollout,
        steps=[step.name for step in ramp.steps],
        taken=-1 if taken is None else reached(ramp, taken.position),
        position=None if taken is None else taken.position,
        since=None if taken is None else taken.since,
        approved_by=() if taken is None else taken.approved_by,
        last=decisions[:_LAST],
    )


def _document(one: RampStatus) -> Mapping[str, Any]:
    rollout = one.rollout
    return {
        "surface": rollout.surface,
        "state": rollout.state,
        "why": rollout.why,
        "ramp": rollout.ramp_name,
        "steps": one.steps,
        "taken": one.taken,
        "position": None if one.position is None else msgspec.to_builtins(one.position),
        "since": one.since,
        "lasted_s": rollout.lasted_s,
        "approved_by": list(one.approved_by),
        "decision": rollout.decision,
        "moving": rollout.intent is not None,
        "looked_at": rollout.looked_at,
        "last": [{"at": entry.at, "what": entry.what, "why": entry.why, "evidence": entry.seen, "who": entry.who} for entry in one.last],
    }


def _panel(one: RampStatus, now: float) -> "RenderableType":
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    rollout, decision = one.rollout, one.rollout.decision or {}
    lines: list[RenderableType] = [_steps(one)]
    if rollout.looked_at:
        lines.append(
            Text(f"at {one.position}, watched for {_duration(rollout.lasted_s)}; looked at {_duration(now - rollout.looked_at)} ago")
        )
    else:
        lines.append(Text("no controller has looked at it yet; start one with `rollout run`", "yellow"))
    if decision.get("intervals"):
        lines += [Text(), _intervals(decision["intervals"])]
    if decision.get("recent"):
        lines += [Text(), Text.assemble("last runs  ", (sparkline(decision["recent"]), "magenta"), "  divergent or not seen")]
    if rollout.state == "running" and decision.get("what") == "hold":
        lines += [Text(), Text("waits for", "bold"), *(Text(f"  {reason}") for reason in decision["reasons"])]
        if decision.get("runs_needed"):
            on = f", until {decision['on']} at today's rate" if decision.get("on") else ""
            lines.append(Text(f"  {decision['runs_needed']:,} more runs like these{on}"))
    elif rollout.why:
        lines += [Text(), Text(rollout.why, _STYLES[rollout.state])]
    if one.last:
        lines += [Text(), Text("last decisions", "bold"), *(_decision(entry) for entry in one.last)]
    state = rollout.state if rollout.intent is None else _MOVING[rollout.intent.what]
    title = Text.assemble((rollout.surface, "bold"), "  ", (state, _STYLES[rollout.state]))
    return Panel(Group(*lines), title=title, title_align="left", subtitle=Text(rollout.ramp_name, "dim"), subtitle_align="right")


def _steps(one: RampStatus) -> "Text":
    from rich.text import Text

    text = Text()
    for number, name in enumerate(one.steps):
        mark, style = ("✓", "green") if number < one.taken else ("●", "bold cyan") if number == one.taken else ("○", "dim")
        text.append(f"{mark} {name}", style)
        text.append("  " if number < len(one.steps) - 1 else "")
    return text


def _intervals(rows: Sequence[Mapping[str, Any]]) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for row in rows:
        worse, fine = row["lower"] >= row["most"], row["upper"] < row["most"]
        style = "red" if worse else "green" if fine else "yellow"
        shares = f"{100 * row['lower']:.2f} % to {100 * row['upper']:.2f} %, {100 * row['most']:.2f} % allowed"
        table.add_row(Text(row["name"]), Text(bar(row["lower"], row["upper"], row["most"]), style), Text(shares))
    return table


def _decision(entry: Entry) -> "Text":
    from rich.text import Text

    at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return Text.assemble(
        "  ", (at, "dim"), "  ", entry.what, (f"  {entry.why}" if entry.why else "", "dim"), overflow="ellipsis", no_wrap=True
    )


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
