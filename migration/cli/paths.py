"""Raises an error if a command runs in the wrong folder, before the command writes there."""

import os

from migration.errors import ConfigurationError, FlagSourceError
from migration.settings import MigrationSettings


def require_home(settings: MigrationSettings) -> None:
    """Check that the flag source in the settings exists, so that it can be edited.

    Raises:
        ConfigurationError: the flag file does not exist, and nothing shows that a process ever ran here.
        FlagSourceError: the file, or the target of its link, does not exist although processes follow it.
    """
    if settings.flags_source != "file":
        return
    path = settings.path(settings.flags_file)
    if os.path.lexists(path):  # a broken link counts as existing: it was set up, and the reader reports what is wrong with it
        return
    from migration.processes import ask, control_folder

    if ask(control_folder(settings.home), 0.5).rows:
        raise FlagSourceError(f"{path.absolute()} does not exist, although processes of this host follow it; restore it")
    raise ConfigurationError(
        f"there is no flag file {path.absolute()}, and no process runs here: this is the wrong folder, or nothing is set up; "
        "go to the folder of the backend, or set NETRA_MIGRATION_HOME or NETRA_MIGRATION_FLAGS_FILE; nothing was written"
    )
