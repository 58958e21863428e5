"""Reads the name of the engines' build once, in a thread, so that no request waits for files. The name is stored with failed runs."""

import logging
import threading

from migration.processes import engines_build
from migration.settings import MigrationSettings

logger = logging.getLogger(__name__)


class Build:
    """A callable that returns the name; "" as long as it is not known.

    Args:
        settings: name the engines.
    """

    def __init__(self, settings: MigrationSettings) -> None:
        self._settings, self._name = settings, ""

    def __call__(self) -> str:
        """Return the name."""
        return self._name

    def start(self) -> None:
        """Read it."""
        threading.Thread(target=self._read, name="migration-build", daemon=True).start()

    def _read(self) -> None:
        try:
            self._name = engines_build(self._settings)
        except OSError as error:
            logger.warning("the build of the engines is not known: %s", error)
