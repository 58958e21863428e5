"""What a source of flags is."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ldclient import Config
from ldclient.interfaces import UpdateProcessor

from migration.flags.intake.intake import FlagIntake


class FlagSource(Protocol):
    """Passes flags to the intake for as long as the client runs."""

    @property
    def name(self) -> str:
        """The source, e.g. "file:var/flags.json", "launchdarkly:https://...", "redis:127.0.0.1:6379/launchdarkly"."""
        ...

    def options(self, on_loss: Callable[[str], None] | None = None, /) -> Mapping[str, Any]:
        """Return the arguments of LaunchDarkly's `Config` that this source needs: key, addresses, whether and how events are sent.

        `on_loss` is called with what is wrong when events were given up, in the thread that sent them.
        """
        ...

    def processor(self, config: Config, intake: FlagIntake, ready: threading.Event, /) -> UpdateProcessor:
        """Return the object that the SDK starts and stops; it may be one of the SDK's own processors, since `config` has the intake as its
        sink.

        `ready` is to be set after the first attempt, with or without flags.
        """
        ...
