"""The `netra-migration` command: finds each subcommand in the module of the same name when it is needed, so that start-up stays fast.

A command module defines `command`, a `typer.Typer`. One command in it becomes `netra-migration <module>`; several commands, or one with a
callback, become `netra-migration <module> <command>`. A name in `COMMANDS` without a module is not a command.
"""

import importlib.util
import os
import sys
from pkgutil import resolve_name
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from migration.cli.parameters import spare_pydantic, sparing
from migration.cli.summaries import SUMMARIES
from migration.errors import ConfigurationError, MigrationError, MissingExtraError
from migration.extras import extra
from migration.project import defaults, find_project, read_project
from migration.settings import MigrationSettings
from migration.variables import misspelt

#: the demo command: it is not a module of this package, the project names it
DEMO: Final = "demo"
#: all commands, in the order in which the help lists them
COMMANDS: Final = (
    DEMO,
    "status",
    "stage",
    "ramp",
    "rollout",
    "shadow",
    "failover",
    "kill",
    "history",
    "doctor",
    "init",
    "divergences",
    "replay",
    "backfill",
    "evidence",
    "erase",
    "worker",
    "audit",
    "tracker",
    "codemod",
    "guard",
    "removal",
)
#: Command -> the extra with its libraries, for commands that need more libraries than serving processes and workers.
EXTRAS: Final = {"rollout": "rollout", "tracker": "codemod", "codemod": "codemod", "removal": "codemod"}
#: Extra -> its libraries. A command looks for them before it starts, and imports them when it needs them.
_LIBRARIES: Final = {"rollout": ("scipy",), "codemod": ("libcst", "cryptography")}
WRONG_USE: Final = 2
DISTRIBUTION: Final = "netra-strangler"


class LazyCommands(TyperGroup):
    """The group of all commands: each is a module of this package."""

    _listing = False  #: whether only names and summaries are needed, so that no command is imported

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the signature of typer's vendored click
        """Write the help: the list of commands comes from their summaries."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - the signature of typer's vendored click
        """Return the names of the commands that exist."""
        has_demo = _names_demo if self._listing else _has_demo
        return [name for name in COMMANDS if (has_demo() if name == DEMO else importlib.util.find_spec(f"migration.cli.{name}"))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - the signature of typer's vendored click
        """Return the command of that name, or None.

        Raises:
            ConfigurationError: the project cannot be read, or its demo cannot be imported.
        """
        if self._listing:
            return _listed(cmd_name)
        found = _demo() if cmd_name == DEMO else _own(cmd_name)
        if found is None:
            return None
        command = typer.main.get_command(found)
        command.name = cmd_name
        _plain(command)
        spare_pydantic(command)
        return command

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the signature of typer's vendored click
        """Return the parameters that come before the command."""
        return sparing(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the signature of typer's vendored click
        """Run the command; an error of this package becomes a message on stderr and exit code 2."""
        for sentence in misspelt(MigrationSettings, os.environ):
            typer.echo(f"warning: {sentence}", err=True)
        try:
            return super().invoke(ctx)
        except MigrationError as error:
            typer.echo(f"error: {error}", err=True)
        raise typer.Exit(WRONG_USE)


def _listed(name: str) -> TyperCommand:
    return TyperCommand(name, help=SUMMARIES[name], rich_markup_mode=None)


def _own(name: str) -> Any:  # noqa: ANN401 - a `typer.Typer`; None: there is none
    module = f"migration.cli.{name}"
    if name not in COMMANDS or importlib.util.find_spec(module) is None:
        return None
    try:
        _look_for_libraries(name)
    except MissingExtraError as error:
        return _absent(error)
    return resolve_name(f"{module}:command")


def _look_for_libraries(name: str) -> None:
    """Raise MissingExtraError if a library of the command's extra is not installed. Importing them would take longer than its help."""
    if (needed := EXTRAS.get(name)) is None:
        return
    with extra(needed):
        for library in _LIBRARIES[needed]:
            if importlib.util.find_spec(library) is None:
                raise ModuleNotFoundError(f"no module named {library}", name=library)


def _absent(error: MissingExtraError) -> typer.Typer:
    """Return a replacement for a command whose libraries are not installed: its help and its error say what to install."""
    absent = typer.Typer(add_completion=False)

    @absent.command(help=f"{error}.", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def say() -> None:
        raise MissingExtraError(error.library, error.extra)

    return absent


def _demo() -> Any:  # noqa: ANN401 - as `_own`
    """Return the project's own demo command; None: the project has none. Raises ConfigurationError."""
    file = find_project()
    if not (named := read_project(file).demo):
        return None
    from migration.import_strings import load

    return load(named, defaults(file)["import_path"])


def _has_demo() -> bool:
    """Return whether the help lists the demo command. The help works even if the project's configuration is wrong; running the demo reports
    the error.
    """
    try:
        return _demo() is not None
    except ConfigurationError:
        return False


def _names_demo() -> bool:
    try:
        return bool(read_project(find_project()).demo)
    except ConfigurationError:
        return False


def _plain(command: Any) -> None:  # noqa: ANN401 - a command of typer's vendored click
    """Write help texts and wrong use as they are: typer's panels import more than most commands do, and would take
    `[tool.netra-migration.audit]` for a style, and hide it.
    """
    command.rich_markup_mode = None
    for inner in getattr(command, "commands", {}).values():
        _plain(inner)


app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Move surfaces from their legacy engines to the new ones, observed at every step. Exit codes: 0 success, 1 a finding, 2 wrong use."
    ),
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version(DISTRIBUTION))
        raise typer.Exit


@app.callback()
def netra_migration(
    _version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)] = False,
) -> None:
    """Move surfaces from their legacy engines to the new ones, observed at every step. Exit codes: 0 success, 1 a finding, 2 wrong use."""


def main() -> None:
    """Run the command line."""
    sys.exit(app())
