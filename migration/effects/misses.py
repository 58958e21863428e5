"""The miss policy: what becomes of an effect that a replayed run asks for and its journal does not hold."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from migration.model import EffectKind

Call = Callable[[], Awaitable[bytes]]


async def _in_place(call: Call, /) -> bytes:
    return await call()


@dataclass(frozen=True, slots=True, kw_only=True)
class MissPolicy:
    """Which misses may be performed for real. As it stands, none: that is `block`. Whatever is not permitted is refused.

    Only calls of tools can be permitted: a model's answer is paid for, the clock and new ids are never read twice the same.
    """

    read_only: frozenset[str] = frozenset()  #: names of the tools that only read, declared by those who know them
    budget: int = 0  #: misses of one run that may be performed; the next one is refused
    perform: Callable[[Call], Awaitable[bytes]] = _in_place  #: performs a permitted one; raises `ReadTimeoutError` when it gives up

    stuck: Callable[[], bool] = bool  #: tells whether one of them spoiled the process that performs them

    def permits(self, kind: EffectKind, name: str) -> bool:
        """Tell whether an effect of this kind and name may be performed while the budget lasts."""
        return kind == "tool" and name in self.read_only


BLOCK: Final = MissPolicy()
"""A miss is refused: a shadow performs no effect."""
