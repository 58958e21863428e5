"""What is generated of the migration."""

import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import typer

from dashboards import build, readers
from docs.migration import divergences
from docs.migration.drawing import drawn
from docs.tables import commands, first_line, table, value
from migration.cli.app import app
from migration.comparison import Policy
from migration.consolidation import default_cache
from migration.consolidation.tracker import as_markdown, track
from migration.settings import MigrationSettings
from migration.stages import PLANS
from migration.telemetry import markdown
from migration.variables import described

ROOT: Final = Path(__file__).parents[2]
TRACKER: Final = "docs/migration/tracker.md"


def _stages() -> str:
    rows = [
        (f"`{plan.stage.value}`", plan.serves.value, plan.shadows.value if plan.shadows else "-", ", ".join(plan.writes))
        for plan in PLANS.values()
    ]
    return table(("stage", "serves", "shadows", "run stores written"), rows)


def _list_of_commands() -> str:
    group = typer.main.get_command(app)
    names = group.list_commands(None)  # type: ignore[attr-defined] # typer's own group
    rows = [(f"`{name}`", first_line(group.get_command(None, name).help)) for name in names]  # type: ignore[attr-defined]  # as above
    return table(("`netra-migration`", "what it does"), rows)


def _commands() -> str:
    return commands(typer.main.get_command(app), "netra-migration")


def _settings() -> str:
    rows = [(f"`{variable}`", value(default), text) for variable, default, text in described(MigrationSettings)]
    return table(("variable", "default", "meaning"), rows)


def _divergences() -> str | None:
    if not divergences.CONVERSATIONS.exists():
        sys.stderr.write("docs/migration/divergences.md is left as it is: the recorded conversations are not next to this checkout\n")
        return None
    return divergences.replayed(divergences.CONVERSATIONS)


def _schema() -> str:
    """Return the JSON Schema of a surface's TOML file, for editors that check while one types."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A surface"} | msgspec.json.schema(Policy)
    return msgspec.json.format(msgspec.json.encode(schema), indent=1).decode() + "\n"


def _metrics() -> str:
    return markdown(readers.read_by())


def _tracker() -> str:
    return as_markdown(track(ROOT, cache=default_cache()), TRACKER)


FILES: Final[Mapping[str, Callable[[], str | None]]] = {
    **{f"dashboards/grafana/{name}": functools.partial(build.text, name) for name in build.BOARDS},
    "docs/migration/metrics.md": _metrics,
    TRACKER: _tracker,
    "docs/migration/processes.svg": functools.partial(drawn, ROOT / "docs" / "migration" / "processes.dot"),
    "migration/comparison/surface.schema.json": _schema,
}
PARTS: Final[Mapping[str, Callable[[], str | None]]] = {
    "stages": _stages,
    "list of commands": _list_of_commands,
    "commands of netra-migration": _commands,
    "settings of netra-migration": _settings,
    "divergences of a replay": _divergences,
}
