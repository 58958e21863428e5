"""The engines that the settings name, for the process that runs them: it has no use for the comparison and the database."""

from migration.effects import MissPolicy, Reads
from migration.errors import ConfigurationError
from migration.model import EngineBuilder, ReadingEngines
from migration.settings import MigrationSettings
from migration.shadow.engine_runner import Engines
from migration.shadow.parts import load


def default_engines(settings: MigrationSettings) -> Engines:
    """Return what makes engines, and what they may perform. Only when misses are allowed have they anything of the outside at all.

    Raises:
        ConfigurationError: an import string is wrong.
    """
    if settings.miss_policy == "block":
        build: EngineBuilder = load(settings.engines)
        return Engines(build=build)
    try:
        engines: ReadingEngines = load(settings.reading_engines)()
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{settings.reading_engines!r} gives no engines that may read: {error}") from error
    reads = Reads(timeout_s=settings.miss_timeout_s)
    misses = MissPolicy(read_only=engines.read_only, budget=settings.miss_budget, perform=reads.perform, stuck=reads.stuck)
    return Engines(build=engines, misses=misses)
