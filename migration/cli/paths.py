"""Says that a command runs in the wrong folder before it writes there."""

import os

from migration.errors import ConfigurationError, FlagSourceError
from migration.settings import MigrationSettings


def require_home(settings: MigrationSettings) -> None:
    """Check that there is something to edit where the settings say.

    Raises:
        ConfigurationError: flags come from a file that is not there, and nothing shows that anything ever ran here.
        FlagSourceError: the file, or what its link points to, is not there although processes follow it.
    """
    if settings.flags_source != "file":
        return
    path = settings.path(settings.flags_file)
    if os.path.lexists(path):  # also a link to nothing: it was set up, and whoever reads it says what is wrong with it
        return
    from migration.processes import ask, control_folder

    if ask(control_folder(settings.home), 0.5).rows:
        raise FlagSourceError(f"{path.absolute()} is not there, although processes of this host follow it; put it back")
    raise ConfigurationError(
        f"there is no flag file {path.absolute()}, and no process runs here: this is the wrong folder, or nothing is set up; "
        "go to the folder of the backend, or set NETRA_MIGRATION_HOME or NETRA_MIGRATION_FLAGS_FILE; nothing was written"
    )
