"""The miss policy: what happens to an effect that a replayed run asks for and its journal does not contain."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from migration.model import EffectKind

Call = Callable[[], Awaitable[bytes]]


async def _in_place(call: Call, /) -> bytes:
    return await call()


@dataclass(frozen=True, slots=True, kw_only=True)
class MissPolicy:
    """The misses that may be performed for real; all others are refused. The default, `block`, permits none.

    Only calls of tools can be permitted: a model's answer costs money, and the clock and new ids never return the same value twice.
    """

    read_only: frozenset[str] = frozenset()  #: names of the read-only tools, declared by their owners
    budget: int = 0  #: misses that one run may perform; the next one is refused
    #: performs a permitted effect; raises `ReadTimeoutError` when it takes too long
    perform: Callable[[Call], Awaitable[bytes]] = _in_place

    stuck: Callable[[], bool] = bool  #: whether a permitted effect blocked the process that performs it

    def permits(self, kind: EffectKind, name: str) -> bool:
        """Return whether an effect of this kind and name may be performed while the budget lasts."""
        return kind == "tool" and name in self.read_only


BLOCK: Final = MissPolicy()
"""A miss is refused: a shadow performs no effect."""
