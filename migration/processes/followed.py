"""What a process needs of its flags to say what it follows."""

from collections.abc import Callable
from typing import Protocol

from migration.flags.intake.status import FlagStatus
from migration.flags.meaning.data import FlagData
from migration.flags.meaning.evaluation import FlagEvaluator


class FollowedFlags(Protocol):
    """Flags as a serving process follows them; `LaunchDarklyFlags` is one."""

    @property
    def evaluator(self) -> FlagEvaluator:
        """Says what holds."""
        ...

    @property
    def data(self) -> FlagData:
        """The flags that hold."""
        ...

    @property
    def emergency(self) -> bool:
        """Whether the host's emergency kill switch is on."""
        ...

    def status(self) -> FlagStatus:
        """Return how well they can be read."""
        ...

    def on_change(self, listener: Callable[[], None], /) -> None:
        """Call it after what holds changed, in the thread that noticed. It must not raise."""
        ...
