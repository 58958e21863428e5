"""The editor for the source that the settings name."""

from migration.errors import ConfigurationError
from migration.flags.editors.editor import FlagEditor
from migration.flags.editors.file import FileEditor
from migration.settings import MigrationSettings


def open_editor(settings: MigrationSettings) -> FlagEditor:
    """Return the editor of the source that the settings name. It opens nothing before its first use.

    Raises:
        ConfigurationError: a setting that this source needs is missing or cannot be used.
    """
    match settings.flags_source:
        case "file":
            return FileEditor(settings.path(settings.flags_file))
        case "launchdarkly":
            from migration.flags.editors.hosted import HostedEditor

            if not settings.launchdarkly_sdk_key.reveal():
                raise ConfigurationError("flags at LaunchDarkly need NETRA_MIGRATION_LAUNCHDARKLY_SDK_KEY (docs/migration/launchdarkly.md)")
            return HostedEditor(settings)
        case "redis":
            from migration.flags.editors.redis import RedisEditor

            return RedisEditor(settings.redis_url.reveal(), settings.redis_prefix)
