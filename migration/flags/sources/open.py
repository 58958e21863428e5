"""The source that the settings name."""

from migration.errors import ConfigurationError
from migration.flags.sources.file import FlagFile
from migration.flags.sources.source import FlagSource
from migration.settings import MigrationSettings


def open_source(settings: MigrationSettings) -> FlagSource:
    """Return the source of flags that the settings name. It connects to nothing before the client starts.

    Raises:
        ConfigurationError: a setting that this source needs is missing or cannot be used.
    """
    match settings.flags_source:
        case "file":
            return FlagFile(settings.path(settings.flags_file), poll_s=settings.flags_poll_s)
        case "launchdarkly":
            from migration.flags.sources.hosted import HostedSource

            if not settings.launchdarkly_sdk_key.reveal():
                raise ConfigurationError(
                    "flags from LaunchDarkly need NETRA_MIGRATION_LAUNCHDARKLY_SDK_KEY (docs/migration/launchdarkly.md)"
                )
            return HostedSource(settings)
        case "redis":
            from migration.flags.sources.redis import RedisSource

            return RedisSource(settings.redis_url.reveal(), settings.redis_prefix)
