"""The interface of a source of flags."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ldclient import Config
from ldclient.interfaces import UpdateProcessor

from migration.flags.intake.intake import FlagIntake


class FlagSource(Protocol):
    """Passes flags to the intake while the client runs."""

    @property
    def name(self) -> str:
        """The source's name, e.g. "file:var/flags.json", "launchdarkly:https://...", "redis:127.0.0.1:6379/launchdarkly"."""
        ...

    def options(self, on_loss: Callable[[str], None] | None = None, /) -> Mapping[str, Any]:
        """Return the arguments of LaunchDarkly's `Config` that this source needs: key, addresses, whether and how events are sent.

        `on_loss` is called with the reason when events were lost, in the thread that sent them.
        """
        ...

    def processor(self, config: Config, intake: FlagIntake, ready: threading.Event, /) -> UpdateProcessor:
        """Return the object that the SDK starts and stops; it may be one of the SDK's own processors, since `config` has the intake as its
        sink. The object must set `ready` after the first attempt, even if it found no flags.
        """
        ...
