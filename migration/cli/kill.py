"""`kill`: move every tenant of a surface, or of all surfaces, back to control immediately, and report what the processes do."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from migration.cli.names import known_surface
from migration.cli.output import JsonFlag, note, print_json
from migration.errors import ConfigurationError, FlagSourceError, HistoryError
from migration.settings import MigrationSettings
from migration.variables import from_environment

if TYPE_CHECKING:
    from migration.cli.kill_switch import Turned
    from migration.history import Entry
    from migration.processes import Confirmation

command = typer.Typer(add_completion=False)

_FINDING = 1
_ASK_S = 0.5
_BY_HAND = "make or remove it as the owner of the backend, or stop the backend"


class Switch(StrEnum):
    """The kill switch's positions."""

    ON = "on"
    OFF = "off"


@command.command()
def kill(
    switch: Annotated[Switch, typer.Argument(help="on: control serves all tenants up to `rampdown`; off: stages apply again.")],
    surface: Annotated[str | None, typer.Argument(help="Only this surface; without it, all current and future surfaces.")] = None,
    emergency: Annotated[
        bool,
        typer.Option(
            "--emergency", help="Use a file on this host, which all processes of this host check. This works without the flag source."
        ),
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="The reason; kept in the history.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Change the kill switch, wait at most 3 s for the processes, and report what they do. Current runs end as they began.

    Exit codes: 0 the change is in effect; 1 it is not, or its effect is not known, or it was refused because all tenants are at `complete`;
    2 wrong use, and nothing was written.
    """
    settings = _settings()
    if surface is not None:
        known_surface(settings, surface)
    on = switch is Switch.ON
    if emergency:
        raise typer.Exit(_emergency(settings, on=on, surface=surface, reason=reason, as_json=as_json))
    try:
        from migration.cli.kill_switch import turn

        turned = turn(settings, on=on, surface=surface, reason=reason)
    except FlagSourceError as error:
        _source_is_down(error, switch, as_json=as_json)
        raise typer.Exit(_FINDING) from None
    from migration.processes import confirm

    found = confirm(settings, turned.is_followed_by)
    _keep(settings, turned.entry(found, reason))
    raise typer.Exit(_say(turned, found, as_json=as_json))


def _settings() -> MigrationSettings:
    """Return the settings; missing or invalid files of the project are reported and ignored.

    Raises:
        ConfigurationError: a variable cannot be used.
    """
    try:
        settings = MigrationSettings()
    except ConfigurationError as error:
        settings = from_environment(MigrationSettings)
        note(f"{error}; the kill switch works nevertheless")
    if settings.surfaces:
        return settings
    from migration.processes import ask, control_folder

    served = {surface: None for row in ask(control_folder(settings.home), _ASK_S).rows for surface in row.surfaces}
    return msgspec.structs.replace(settings, surfaces=tuple(served))


def _source_is_down(error: FlagSourceError, switch: Switch, *, as_json: bool) -> None:
    note(f"error: the kill switch was not changed: {error}")
    note(f"this works without the flag source, on each host: netra-migration kill {switch.value} --emergency")
    if as_json:
        print_json({"kill_switch": None, "confirmed": False, "error": str(error)})


def _emergency(settings: MigrationSettings, *, on: bool, surface: str | None, reason: str, as_json: bool) -> int:
    """Change this host's own kill switch, and return the exit code."""
    from migration.history import Entry
    from migration.processes import confirm

    if surface is not None:
        raise ConfigurationError("the emergency kill switch applies to all surfaces; leave the surface out")
    path = settings.path(settings.emergency_file)
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"there is no folder {path.parent.absolute()}: this is the wrong folder; go to the folder of the backend, or set "
            "NETRA_MIGRATION_HOME; nothing was written"
        )
    try:
        path.touch() if on else path.unlink(missing_ok=True)
    except OSError as error:
        note(f"error: {path.absolute()} cannot be {'made' if on else 'removed'} ({error.strerror}); {_BY_HAND}")
        return _FINDING
    found = confirm(settings, lambda row: row.emergency is on, here=True)
    done = f"emergency kill switch {'on' if on else 'off'} ({path.absolute()})"
    _keep(settings, Entry(kind="emergency", what=done, why=reason, seen=found.sentence()))
    note(f"{done}: {found.sentence()}")
    holds = found.holds and found.seen > 0
    if on and holds:
        note("all surfaces: control serves all tenants up to `rampdown`, on this host; other hosts need the same command")
    if not found.seen:
        note(f"if the backend runs on this host, its NETRA_MIGRATION_HOME is not {settings.home.absolute()}")
    if as_json:
        print_json({"emergency": on, "confirmed": holds, "processes": _processes(found)})
    return 0 if holds else _FINDING


def _keep(settings: MigrationSettings, entry: "Entry") -> None:
    """Write the change to the history. If the history's database is down, the processes record the change later."""
    from migration.history import History

    history = History.of_settings(settings)
    try:
        history.append(entry)
    except HistoryError as error:
        note(f"the history has no entry about this: {error}")
    finally:
        history.close()


def _say(turned: "Turned", found: "Confirmation", *, as_json: bool) -> int:
    """Report what is in effect, and return the exit code."""
    effects = turned.effects(found)
    for remark in (*turned.warnings, *effects.sentences):
        note(remark)
    note(f"{turned.name}: {found.sentence()}")
    if as_json:
        print_json(
            {
                "kill_switch": effects.killed,
                "refused": effects.refused,
                "confirmed": found.holds,
                "processes": _processes(found),
                "source": turned.source,
                "version": turned.version,
            }
        )
    return 0 if found.holds and effects.reached else _FINDING


def _processes(found: "Confirmation") -> dict[str, object]:
    return {
        "seen": found.seen,
        "following": found.following,
        "asked": found.asked,
        "others": found.others,
        "died": found.died,
        "problem": found.problem,
        "sentence": found.sentence(),
    }
