"""A source of flags, and how well it can be read."""

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

    source: str  #: the source, e.g. "file:var/flags.json"
    up: bool  #: False: it cannot be read, or the last known state of one of our flags is used
    age_s: float | None  #: seconds since the source was last found good; None: never
    version: int  #: sum of the versions of the current flags; 0: none is known
    error: str | None  #: what is wrong and what is used instead, also while `up` (a flag that no surface needs); None: nothing
    from_snapshot: bool  #: whether the current flags were left behind by an earlier process


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

    def processor(self, config: Config, intake: "FlagIntake", ready: threading.Event, /) -> UpdateProcessor:
        """Return the object that the SDK starts and stops; it may be one of the SDK's own processors, since `config` has the intake as its
        sink.

        `ready` is to be set after the first attempt, with or without flags.
        """
        ...
