"""The part of `rollout` that starts and steers ramps, and runs their controller."""

import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migration.cli.moves import Surface
from migration.cli.names import configured_surface
from migration.cli.output import JsonFlag, note
from migration.errors import LostLeaseError, RolloutStateError
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.rollout import Position, Rollout, RolloutStore

Reason = Annotated[str, typer.Option("--reason", help="The reason, for the history.")]
_TRIES = 20


def run(
    every: Annotated[float, typer.Option("--every", min=0.05, help="Seconds between two looks at the ramps.")] = 0.5,
) -> None:
    """Run the controller: it promotes, holds and rolls back all started ramps. Of several controllers one leads, and the others wait.

    Exit codes: 0 stopped by a signal; 2 wrong use.

    Example: netra-migration rollout run
    """
    from migration.rollout import RunningController

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with closing(RunningController(MigrationSettings())) as running:
        note(f"controller {running.controller.leader.name} runs")
        running.run(stop, every)


def start(
    surface: Surface,
    *,
    ramp: Annotated[
        Path | None, typer.Option("--ramp", help="TOML file of the ramp; default: the surface's own ramp, or else the package's.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Start the ramp of a surface at its present position; from then on a controller moves the surface.

    Exit codes: 0 started; 2 wrong use.

    Example: netra-migration rollout start chat --ramp migration/chat-ramp.toml
    """
    from migration.project import ramp_file
    from migration.rollout import DEFAULT_RAMP, Rollout, read_ramp

    settings = MigrationSettings()
    configured_surface(settings, surface)
    found = read_ramp(ramp or ramp_file(settings.project, surface) or DEFAULT_RAMP)
    with closing(_store(settings)) as store:
        before = store.rollout(surface)
        if before is not None and before.state in {"running", "paused", "rolled back"}:
            raise RolloutStateError(
                f"{surface}: a ramp is {before.state}; `rollout resume {surface}` continues it, `rollout abort` ends it"
            )
        store.start(Rollout(surface=surface, state="running", ramp_name=found.source, ramp=found.text))
    _noted(settings, surface, f"{surface}: its ramp {found.source} was started", reason)


def pause(surface: Surface, *, reason: Reason = "") -> None:
    """Pause the ramp of a surface: it is neither promoted nor rolled back until it is resumed.

    Exit codes: 0 paused; 2 wrong use.

    Example: netra-migration rollout pause chat --reason "a freeze"
    """
    from migration.history import operator

    settings = MigrationSettings()
    _changed(settings, surface, ("running",), state="paused", why=reason or f"{operator()} paused it")
    _noted(settings, surface, f"{surface}: its ramp was paused", reason)


def resume(surface: Surface, *, reason: Reason = "") -> None:
    """Continue a ramp that was paused or rolled back, from where the surface is; its step and the evidence for it begin again.

    Exit codes: 0 running; 2 wrong use.

    Example: netra-migration rollout resume chat --reason "fixed in 4f2c"
    """
    settings = MigrationSettings()
    here = _position(settings, surface)
    with closing(_store(settings)) as store:
        _change(store, surface, ("paused", "rolled back"), state="running", why="", at=None, lasted_s=0.0)
        if here is not None:
            store.seen(surface, here, time.time(), anew=True)
    _noted(settings, surface, f"{surface}: its ramp was resumed at {here}", reason)


def abort(surface: Surface, *, reason: Reason = "") -> None:
    """End the ramp of a surface. All tenants stay where they are; `stage set` moves them.

    Exit codes: 0 ended; 2 wrong use.

    Example: netra-migration rollout abort chat --reason "another plan"
    """
    from migration.history import operator

    settings = MigrationSettings()
    _changed(settings, surface, ("running", "paused", "rolled back"), state="aborted", why=reason or f"{operator()} ended it")
    _noted(settings, surface, f"{surface}: its ramp was ended", reason)


def approve(surface: Surface, *, reason: Reason = "") -> None:
    """Approve leaving the step that a surface has taken. A gate that requires two approvals needs two people; the approval ends with the
    step.

    Exit codes: 0 approved; 2 wrong use.

    Example: netra-migration rollout approve chat --reason "looked at the dashboard"
    """
    from migration.history import operator

    settings = MigrationSettings()
    configured_surface(settings, surface)
    here = _position(settings, surface)
    if here is None:
        raise RolloutStateError(f"{surface}: its flag does not say where it is on a ramp, so there is no step to approve")
    with closing(_store(settings)) as store:
        store.seen(surface, here, time.time())
        by = store.approve(surface, here, operator())
    _noted(settings, surface, f"{surface}: leaving {here} was approved, by {', '.join(by)}", reason)


def status(
    surface: Annotated[str | None, typer.Argument(help="Only this surface.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again, until interrupted.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the ramps that were started: their steps, the gates' intervals, the last decisions, and what they wait for.

    Exit codes: 0 success; 1 a ramp was rolled back; 2 wrong use.

    Example: netra-migration rollout status --watch
    """
    from migration.cli.rollout_page import show

    show(MigrationSettings(), surface, watch=watch, as_json=as_json)


def _position(settings: MigrationSettings, surface: str) -> "Position | None":
    """Return where the surface is on its ramp; None: its flag does not show it."""
    from migration.flags.editors import open_editor
    from migration.rollout import Gates, position_of

    with closing(Gates(settings, reading=True)) as gates:
        return position_of(open_editor(settings).read().data, surface, gates.ramp(surface))


def _store(settings: MigrationSettings) -> "RolloutStore":
    from migration.rollout import RolloutStore

    return RolloutStore.of_settings(settings)


def _changed(settings: MigrationSettings, surface: str, states: tuple[str, ...], **changes: Any) -> None:  # noqa: ANN401 - fields of `Rollout`
    with closing(_store(settings)) as store:
        _change(store, surface, states, **changes)


def _change(store: "RolloutStore", surface: str, states: tuple[str, ...], **changes: Any) -> "Rollout":  # noqa: ANN401 - as above
    """Change the ramp, although a controller may write at the same time."""
    for _ in range(_TRIES):
        before = store.rollout(surface)
        if before is None:
            raise RolloutStateError(f"{surface}: no ramp was started; use `rollout start {surface}`")
        if before.state not in states:
            raise RolloutStateError(f"{surface}: its ramp is {before.state}, not {' or '.join(states)}")
        try:
            return store.change(before, holder=None, **changes)
        except LostLeaseError:
            continue
    raise LostLeaseError(surface)


def _noted(settings: MigrationSettings, surface: str, sentence: str, reason: str) -> None:
    from migration.history import Entry, History

    with closing(History.of_settings(settings)) as history:
        history.append(Entry(kind="decision", surface=surface, what=sentence, why=reason))
    note(sentence)
