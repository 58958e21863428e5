"""A controller that is made from the settings, in its own process or thread."""

import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

from migration.errors import HistoryError
from migration.history import Entry, History, Kind
from migration.rollout.controller import Controller
from migration.rollout.happened import Happened
from migration.rollout.moving import EditMover
from migration.rollout.ramp_file import Step
from migration.rollout.reading import StandingReader
from migration.rollout.standing import Standing
from migration.rollout.store import RolloutStore
from migration.rollout.webhooks import Webhook, posting
from migration.settings import MigrationSettings

logger = logging.getLogger(__name__)

_KINDS: Final[Mapping[str, Kind]] = {"promote": "promotion", "roll back": "rollback"}
EVERY_S: Final = 0.5  #: seconds between two checks


class RunningController:
    """A controller with everything that it needs. It must be closed.

    Args:
        settings: name evidence, flags, history and webhook.
        wall: Unix seconds.

    Raises:
        ConfigurationError: a setting cannot be used, or an extra is missing.
    """

    def __init__(self, settings: MigrationSettings, wall: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._store, self._history = RolloutStore.of_settings(settings), History.of_settings(settings)
        url = settings.webhook_url.reveal()
        self._webhook = Webhook(posting(url), settings.webhook_key.reveal()) if url else None
        self._readers: dict[str, tuple[tuple[Step, float], StandingReader]] = {}
        name = f"{socket.gethostname()} {uuid.uuid4().hex}"
        self.controller = Controller(self._store, EditMover(settings), self._standing, self._tell, name=name, wall=wall)

    def run(self, stop: threading.Event, every_s: float = EVERY_S) -> None:
        """Check all ramps until the event is set."""
        while not stop.is_set():
            self.controller.look()
            stop.wait(every_s)

    def close(self) -> None:
        """Let another controller lead, and close all connections."""
        self.controller.stand_down()
        for _, reader in self._readers.values():
            reader.close()
        if self._webhook is not None:
            self._webhook.close()
        self._history.close()
        self._store.close()

    def _standing(self, surface: str, step: Step, since: float, /) -> Standing:
        known = self._readers.get(surface)
        if known is None or known[0] != (step, since):
            if known is not None:
                known[1].close()
            known = self._readers[surface] = ((step, since), StandingReader(self._settings, surface, step, since))
        return known[1].read()

    def _tell(self, happened: Happened) -> None:
        """Record the event in the history, only once even if several processes report it, and send it to the webhook."""
        why = " ".join(happened.reasons)
        entry = Entry(
            kind=_KINDS.get(happened.what, "decision"),
            surface=happened.surface,
            what=happened.sentence,
            why=why,
            seen=happened.evidence,
            tenants=happened.tenants,
        )
        try:
            if happened.id:
                self._history.append_first(entry, f"rollout {happened.id}")
            else:
                self._history.append(entry)
        except HistoryError as error:
            logger.error("the history lacks a decision: %s: %s", happened.sentence, error)  # noqa: TRY400 - its text says it all
        if self._webhook is not None:
            self._webhook.tell(happened)
