"""The part of a process' flags that its report needs."""

from collections.abc import Callable
from typing import Protocol

from migration.flags import FlagStatus
from migration.flags.meaning import FlagData, FlagEvaluator


class FollowedFlags(Protocol):
    """The flags that a serving process follows; `LaunchDarklyFlags` implements this."""

    @property
    def evaluator(self) -> FlagEvaluator:
        """Evaluates the current flags."""
        ...

    @property
    def data(self) -> FlagData:
        """The current flags."""
        ...

    @property
    def emergency(self) -> bool:
        """Whether the host's emergency kill switch is on."""
        ...

    def status(self) -> FlagStatus:
        """Return whether the flags can be read."""
        ...

    def on_change(self, listener: Callable[[], None], /) -> None:
        """Call `listener` after the current flags changed, in the thread that noticed it. The listener must not raise."""
        ...
