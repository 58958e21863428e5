"""Delta debugging: reduces a sequence to a subsequence that still has a given property, and would lose it if any single item were removed.

Source: Zeller and Hildebrandt (2002), "Simplifying and isolating failure-inducing input", IEEE TSE 28(2), figure 3; it only removes chunks,
because testing subsets alone finds almost nothing here and costs half of the attempts.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def ddmin(items: Sequence[_T], holds: Callable[[tuple[_T, ...]], bool]) -> tuple[_T, ...]:
    """Return a subsequence, in order, for which `holds` was true, and is false without any one of its items.

    Args:
        items: a sequence for which it is true; that is not tried again.
        holds: gives the same answer to the same items; what it raises ends the search.
    """
    kept = tuple(items)
    if not kept or holds(()):
        return ()
    chunks = min(2, len(kept))
    while len(kept) > 1:
        size = -(-len(kept) // chunks)
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            if holds(rest):
                kept, chunks = rest, max(chunks - 1, 2)
                break
        else:
            if size == 1:
                break
            chunks = min(len(kept), chunks * 2)
    return kept
