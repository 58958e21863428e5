"""Delta debugging: reduces a sequence to a subsequence that still has a given property. Without any one of its items, the result
no longer has the property.

Source: Zeller and Hildebrandt (2002), "Simplifying and isolating failure-inducing input", IEEE TSE 28(2), figure 3. This implementation
only removes chunks: tests of a chunk alone find almost nothing here and cost half of the attempts.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def ddmin(items: Sequence[_T], holds: Callable[[tuple[_T, ...]], bool]) -> tuple[_T, ...]:
    """Return a subsequence, in order, for which `holds` is true. `holds` is false for it without any one of its items.

    Args:
        items: a sequence for which `holds` is true; this is not checked again.
        holds: returns the same answer for the same items; an exception that it raises ends the search.
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
