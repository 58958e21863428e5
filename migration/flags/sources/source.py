"""What a source of flags is, and how well it can be read."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ldclient import Config
from ldclient.interfaces import UpdateProcessor

if TYPE_CHECKING:
    from migration.flags.intake import FlagIntake


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagStatus:
    """How well flags can be read."""

    source: str  #: where they come from, e.g. "file:var/flags.json"
    up: bool  #: False: it cannot be read, or the last known state of one of our flags holds
    age_s: float | None  #: seconds since the source was last found good; None: never
    version: int  #: sum of the versions of the flags that hold; 0: none is known
    error: str | None  #: what is wrong and what holds instead, also while `up` (a flag that nobody here needs); None: nothing
    from_snapshot: bool  #: whether the flags that hold are those that a process before left behind


class FlagSource(Protocol):
    """Brings flags into the intake for as long as the client runs."""

    @property
    def name(self) -> str:
        """Where the flags come from, e.g. "file:var/flags.json", "launchdarkly:https://...", "redis:127.0.0.1:6379/launchdarkly"."""
        ...

    def options(self, on_loss: Callable[[str], None] | None = None, /) -> Mapping[str, Any]:
        """Return the arguments of LaunchDarkly's `Config` that this source needs: key, addresses, whether and how events are sent.

        `on_loss` is called with what is wrong when events were given up, in the thread that sent them.
        """
        ...

    def processor(self, config: Config, intake: "FlagIntake", ready: threading.Event, /) -> UpdateProcessor:
        """Return what the SDK starts and stops; the SDK's own processors may be given, since `config` has the intake as its sink.

        `ready` is to be set after the first attempt, whether or not there were flags.
        """
        ...
