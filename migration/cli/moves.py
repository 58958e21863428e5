"""A move as `stage set` and `ramp preview` describe it: one tenant, a percentage of the tenants, or all of them, to a stage."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from migration.cli.names import configured_surface, known_tenant
from migration.errors import ConfigurationError
from migration.model import Stage
from migration.settings import MigrationSettings
from migration.stages import parse_stage

if TYPE_CHECKING:
    from migration.rollout import Edits, Preview

Surface = Annotated[str, typer.Argument(help="The surface, e.g. chat.")]
StageName = Annotated[str, typer.Argument(help="off, dualwrite, shadow, live, rampdown or complete.")]
Percent = Annotated[float | None, typer.Option("--percent", help="Move this percentage of the tenants to the stage.")]
All = Annotated[bool, typer.Option("--all", help="Move all tenants to the stage, except those that a pin or a rule places.")]
Rest = Annotated[
    str | None,
    typer.Option(
        "--rest",
        help="With --percent: all other tenants get at least this stage; tenants at a later stage stay there, at most at the "
        "stage before STAGE. Without it all other tenants move to the stage before STAGE.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMove:
    """The requested move, checked."""

    surface: str
    stage: Stage
    tenant: str | None  #: the tenant to pin; None: move a percentage of the tenants
    percent: float
    rest: Stage | None  #: the lowest stage of the other tenants; None: the stage before `stage`

    def on(self, edits: "Edits") -> Callable[[Callable[[int], None]], "Preview"]:
        """Return the function that makes the preview of this move and reports its progress."""
        if self.tenant is not None:
            tenant = self.tenant
            return lambda show: edits.pin(self.surface, tenant, self.stage, progress=show)
        return lambda show: edits.share(self.surface, self.stage, self.percent, self.rest, progress=show)


def asked(
    settings: MigrationSettings,
    surface: str,
    stage: str,
    *,
    tenant: str | None,
    percent: float | None,
    everybody: bool,
    rest: str | None,
) -> AskedMove:
    """Return the move that the options ask for.

    Raises:
        ConfigurationError: the options name an unknown surface, stage or tenant, or do not select tenants in exactly one way.
    """
    wanted, lowest = parse_stage(stage), parse_stage(rest) if rest is not None else None
    configured_surface(settings, surface)
    _check_one_of(tenant=tenant, percent=percent, everybody=everybody, rest=rest)
    held = known_tenant(settings, tenant) if tenant is not None else None
    return AskedMove(surface=surface, stage=wanted, tenant=held, percent=100.0 if percent is None else percent, rest=lowest)


def _check_one_of(*, tenant: str | None, percent: float | None, everybody: bool, rest: str | None) -> None:
    """Refuse options that do not select tenants in exactly one way."""
    given = [name for name, said in (("--tenant", tenant is not None), ("--percent", percent is not None), ("--all", everybody)) if said]
    if not given:
        raise ConfigurationError("say which tenants to move: --percent P of them, --all of them, or one --tenant T")
    if len(given) > 1:
        raise ConfigurationError(f"{' and '.join(given)} say different things; give one of them")
    if rest is not None and percent is None:
        raise ConfigurationError("--rest is the stage of the tenants outside --percent; give both")
