"""The engines that the settings name, for the process that runs them, which needs neither the comparison nor the database."""

from migration.effects.journals import MissPolicy, Reads
from migration.errors import ConfigurationError
from migration.import_strings import load
from migration.model import EngineBuilder, ReadingEngines
from migration.settings import MigrationSettings
from migration.shadow.engine_runner import Engines


def default_engines(settings: MigrationSettings) -> Engines:
    """Return the object that makes engines and says which effects they may perform.

    Engines can reach the outside only if misses are allowed.

    Raises:
        ConfigurationError: an import string is wrong.
    """
    if settings.miss_policy == "block":
        return Engines(build=builder(settings))
    build, within_reach = builder(settings), None
    if settings.reading_engines:
        try:
            opened: ReadingEngines = load(settings.reading_engines, settings.import_path)()
        except ConfigurationError:
            raise
        except Exception as error:
            raise ConfigurationError(f"{settings.reading_engines!r} gives no engines that may read: {error}") from error
        build, within_reach = opened, opened.read_only
    reads = Reads(timeout_s=settings.miss_timeout_s)
    names = declared_read_only(settings)
    misses = MissPolicy(
        read_only=names if within_reach is None else names & within_reach,
        budget=settings.miss_budget,
        perform=reads.perform,
        stuck=reads.stuck,
    )
    return Engines(build=build, misses=misses)


def declared_read_only(settings: MigrationSettings) -> frozenset[str]:
    """Return the tools that the surfaces' configuration calls read-only.

    Raises:
        ConfigurationError: it is missing or not valid, or calls a tool read-only on one surface and irreversible on another.
    """
    from migration.comparison import default_policy

    tools = {surface: default_policy(surface, settings.project).tools for surface in settings.surfaces}
    names = frozenset(name for one in tools.values() for name in one.read_only)
    for surface, one in tools.items():
        if both := sorted(names.intersection(one.irreversible)):
            raise ConfigurationError(
                f"{both[0]!r} is irreversible on {surface} and read-only on another surface; it can only be one of them"
            )
    return names


def builder(settings: MigrationSettings) -> EngineBuilder:
    """Return the callable that the settings name under `engines`.

    Raises:
        ConfigurationError: they name none, or it cannot be imported.
    """
    if not settings.engines:
        raise ConfigurationError(
            'no engines are named: write `engines = "package.module:name"` under [tool.netra-migration] of the project\'s pyproject.toml, '
            "or set NETRA_MIGRATION_ENGINES; the name is of a callable (surface, origin) -> engine"
        )
    build: EngineBuilder = load(settings.engines, settings.import_path)
    return build
