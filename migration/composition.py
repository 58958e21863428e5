"""Puts the parts together for a serving process."""

from migration.settings import MigrationSettings


def check_configuration(settings: MigrationSettings) -> None:
    """See at start that everything which is particular to the surfaces can be read: not when the first run is to be compared.

    Raises:
        ConfigurationError: a surface's file is missing or not valid, or surfaces contradict each other; the message names file and line.
    """
    from migration.shadow.engines import declared_read_only

    declared_read_only(settings)
