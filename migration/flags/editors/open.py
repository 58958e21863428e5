"""Which editor belongs to the source that the settings name."""

from migration.errors import ConfigurationError
from migration.flags.editors.editor import FlagEditor
from migration.flags.editors.file import FileEditor
from migration.settings import MigrationSettings


def open_editor(settings: MigrationSettings) -> FlagEditor:
    """Return the editor of the source that the settings name. It opens nothing before it is asked.

    Raises:
        ConfigurationError: a setting that this source needs is missing or cannot be used.
    """
    match settings.flags_source:
        case "file":
            return FileEditor(settings.path(settings.flags_file))
        case other:
            raise ConfigurationError(f"NETRA_MIGRATION_FLAGS_SOURCE={other} cannot be edited; use file")
