"""Matches two sequences in order: the common items keep their order, the rest is in gaps.

Equal ends are trimmed, keys that are unique on both sides anchor the rest (Bram Cohen's patience diff), small gaps between anchors are
matched exactly, large ones by the n-th occurrence of each key. So the cost is linear for equal sequences and n log n at worst; an exact
longest common subsequence of two long unequal sequences would be quadratic.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence

Match = tuple[int, int]
#: cells of the table that an exact match may fill
_EXACT_CELLS = 4096
#: pairs of unequal items that may be weighed in one gap; each costs a look at both items
_SIMILAR_CELLS = 400
#: rounds of anchoring inside gaps; each costs linear time, and more than a few find nothing
_ROUNDS = 12


def match(control: Sequence[Hashable], candidate: Sequence[Hashable]) -> list[Match]:
    """Return pairs of indexes of equal keys, rising on both sides."""
    pairs: list[Match] = []
    _match(control, candidate, (range(len(control)), range(len(candidate))), pairs, _ROUNDS)
    pairs.sort()
    return pairs


def gaps(pairs: Sequence[Match], control: int, candidate: int) -> list[tuple[range, range]]:
    """Return what lies between matches, for sequences of these lengths; gaps that are empty on both sides are left out."""
    found: list[tuple[range, range]] = []
    i = j = 0
    for a, b in (*pairs, (control, candidate)):
        if a > i or b > j:
            found.append((range(i, a), range(j, b)))
        i, j = a + 1, b + 1
    return found


def moved(control: Sequence[Hashable], candidate: Sequence[Hashable], between: Sequence[tuple[range, range]]) -> list[Match]:
    """Return pairs of equal keys that lie in gaps: the order-preserving match had to leave them out, because they crossed another pair."""
    waiting: dict[Hashable, deque[int]] = {}
    for _, theirs in between:
        for j in theirs:
            waiting.setdefault(candidate[j], deque()).append(j)
    return [(i, waiting[control[i]].popleft()) for ours, _ in between for i in ours if waiting.get(control[i])]


def _match(a: Sequence[Hashable], b: Sequence[Hashable], gap: tuple[range, range], pairs: list[Match], rounds: int) -> None:
    a0, a1, b0, b1 = gap[0].start, gap[0].stop, gap[1].start, gap[1].stop
    while a0 < a1 and b0 < b1 and a[a0] == b[b0]:
        pairs.append((a0, b0))
        a0, b0 = a0 + 1, b0 + 1
    while a0 < a1 and b0 < b1 and a[a1 - 1] == b[b1 - 1]:
        a1, b1 = a1 - 1, b1 - 1
        pairs.append((a1, b1))
    if a0 == a1 or b0 == b1:
        return
    ours, theirs = range(a0, a1), range(b0, b1)
    if len(ours) * len(theirs) <= _EXACT_CELLS:
        pairs.extend(heaviest([[1.0 if a[i] == b[j] else 0.0 for j in theirs] for i in ours], a0, b0))
        return
    anchors = _anchors(a, b, ours, theirs) if rounds else []
    if not anchors:
        pairs.extend(_by_occurrence(a, b, ours, theirs))
        return
    pairs.extend(anchors)
    for i, j in (*anchors, (a1, b1)):
        _match(a, b, (range(a0, i), range(b0, j)), pairs, rounds - 1)
        a0, b0 = i + 1, j + 1


def _anchors(a: Sequence[Hashable], b: Sequence[Hashable], ours: range, theirs: range) -> list[Match]:
    once_a, once_b = Counter(a[i] for i in ours), Counter(b[j] for j in theirs)
    where = {b[j]: j for j in theirs if once_b[b[j]] == 1}
    return _longest_rising([(i, where[a[i]]) for i in ours if once_a[a[i]] == 1 and a[i] in where])


def _by_occurrence(a: Sequence[Hashable], b: Sequence[Hashable], ours: range, theirs: range) -> list[Match]:
    seen: Counter[Hashable] = Counter()
    where: dict[tuple[Hashable, int], int] = {}
    for j in theirs:
        seen[b[j]] += 1
        where[b[j], seen[b[j]]] = j
    seen.clear()
    found: list[Match] = []
    for i in ours:
        seen[a[i]] += 1
        j = where.get((a[i], seen[a[i]]), -1)
        if j >= 0:
            found.append((i, j))
    return _longest_rising(found)


def _longest_rising(found: Sequence[Match]) -> list[Match]:
    """Return the longest run of pairs, already rising on the left, that also rises on the right (patience sorting)."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(found):
        pile = bisect_left(tails, j)
        before.append(at[pile - 1] if pile else -1)
        if pile == len(tails):
            tails.append(j)
            at.append(index)
        else:
            tails[pile], at[pile] = j, index
    chain: list[Match] = []
    index = at[-1] if at else -1
    while index >= 0:
        chain.append(found[index])
        index = before[index]
    return chain[::-1]


def heaviest(weights: Sequence[Sequence[float]], a0: int = 0, b0: int = 0) -> list[Match]:
    """Return the order-preserving pairs of rows and columns with the greatest total weight; cells of weight 0 are never paired.

    Args:
        weights: one row for each item of control, one column for each item of candidate; cost is rows times columns.
        a0: added to the rows returned.
        b0: added to the columns returned.
    """
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        below, here, weight = best[i + 1], best[i], weights[i]
        for j in range(columns - 1, -1, -1):
            skip = max(below[j], here[j + 1])
            here[j] = max(skip, weight[j] + below[j + 1]) if weight[j] else skip
    chosen: list[Match] = []
    i = j = 0
    while i < rows and j < columns:
        if weights[i][j] and best[i][j] == weights[i][j] + best[i + 1][j + 1]:
            chosen.append((a0 + i, b0 + j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return chosen


def pair_similar(
    gap: tuple[range, range], groups: tuple[Sequence[Hashable], Sequence[Hashable]], likeness: Callable[[int, int], float]
) -> list[Match]:
    """Return order-preserving pairs of unequal items of one gap, so that the most alike stand together.

    Args:
        gap: indexes in control and in candidate.
        groups: of every item of control and of candidate; items of different groups are never paired.
        likeness: above 0, and the greater, the more alike.

    A gap that is too large to be weighed pair by pair is paired by the n-th occurrence of each group.
    """
    ours, theirs = gap
    a, b = groups
    if len(ours) == 1 and len(theirs) == 1:
        return [(ours[0], theirs[0])] if a[ours[0]] == b[theirs[0]] else []
    if len(ours) * len(theirs) <= _SIMILAR_CELLS:
        return heaviest([[likeness(i, j) if a[i] == b[j] else 0.0 for j in theirs] for i in ours], ours.start, theirs.start)
    return _by_occurrence(a, b, ours, theirs)
