"""Matches two sequences in order: matched items keep their order, and the other items are in gaps.

Equal beginnings and ends are removed first. Then keys that are unique on both sides become anchors (Bram Cohen's patience diff). Small gaps
between anchors are matched exactly, large ones by the n-th occurrence of each key. So the cost is linear for equal sequences and n log n at
worst; an exact
longest common subsequence of two long unequal sequences would be quadratic.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence

Match = tuple[int, int]
#: an exact match may use a table of at most this many cells
_EXACT_CELLS = 4096
#: the likeness is computed for at most this many pairs in one gap, because each one must read both items
_SIMILAR_CELLS = 400
#: number of times that anchors are searched inside gaps; each search takes linear time, and after a few there is nothing to find
_ROUNDS = 12


def match(control: Sequence[Hashable], candidate: Sequence[Hashable]) -> list[Match]:
    """Return pairs of indexes of equal keys, rising on both sides."""
    pairs: list[Match] = []
    _match(control, candidate, (range(len(control)), range(len(candidate))), pairs, _ROUNDS)
    pairs.sort()
    return pairs


def gaps(pairs: Sequence[Match], control: int, candidate: int) -> list[tuple[range, range]]:
    """Return the gaps between matches, for sequences of these lengths; gaps that are empty on both sides are left out."""
    found: list[tuple[range, range]] = []
    i = j = 0
    for next_i, next_j in (*pairs, (control, candidate)):
        if next_i > i or next_j > j:
            found.append((range(i, next_i), range(j, next_j)))
        i, j = next_i + 1, next_j + 1
    return found


def moved(control: Sequence[Hashable], candidate: Sequence[Hashable], between: Sequence[tuple[range, range]]) -> list[Match]:
    """Return pairs of equal keys in gaps. The match in order left them out, because they cross another pair."""
    waiting: dict[Hashable, deque[int]] = {}
    for _, candidate_gap in between:
        for j in candidate_gap:
            waiting.setdefault(candidate[j], deque()).append(j)
    return [(i, waiting[control[i]].popleft()) for control_gap, _ in between for i in control_gap if waiting.get(control[i])]


def _match(control: Sequence[Hashable], candidate: Sequence[Hashable], gap: tuple[range, range], pairs: list[Match], rounds: int) -> None:
    control_start, control_end, candidate_start, candidate_end = gap[0].start, gap[0].stop, gap[1].start, gap[1].stop
    while control_start < control_end and candidate_start < candidate_end and control[control_start] == candidate[candidate_start]:
        pairs.append((control_start, candidate_start))
        control_start, candidate_start = control_start + 1, candidate_start + 1
    while control_start < control_end and candidate_start < candidate_end and control[control_end - 1] == candidate[candidate_end - 1]:
        control_end, candidate_end = control_end - 1, candidate_end - 1
        pairs.append((control_end, candidate_end))
    if control_start == control_end or candidate_start == candidate_end:
        return
    control_gap, candidate_gap = range(control_start, control_end), range(candidate_start, candidate_end)
    if len(control_gap) * len(candidate_gap) <= _EXACT_CELLS:
        pairs.extend(
            heaviest(
                [[1.0 if control[i] == candidate[j] else 0.0 for j in candidate_gap] for i in control_gap], control_start, candidate_start
            )
        )
        return
    anchors = _anchors(control, candidate, control_gap, candidate_gap) if rounds else []
    if not anchors:
        pairs.extend(_by_occurrence(control, candidate, control_gap, candidate_gap))
        return
    pairs.extend(anchors)
    for i, j in (*anchors, (control_end, candidate_end)):
        _match(control, candidate, (range(control_start, i), range(candidate_start, j)), pairs, rounds - 1)
        control_start, candidate_start = i + 1, j + 1


def _anchors(control: Sequence[Hashable], candidate: Sequence[Hashable], control_gap: range, candidate_gap: range) -> list[Match]:
    once_in_control, once_in_candidate = Counter(control[i] for i in control_gap), Counter(candidate[j] for j in candidate_gap)
    where = {candidate[j]: j for j in candidate_gap if once_in_candidate[candidate[j]] == 1}
    return _longest_rising([(i, where[control[i]]) for i in control_gap if once_in_control[control[i]] == 1 and control[i] in where])


def _by_occurrence(control: Sequence[Hashable], candidate: Sequence[Hashable], control_gap: range, candidate_gap: range) -> list[Match]:
    seen: Counter[Hashable] = Counter()
    where: dict[tuple[Hashable, int], int] = {}
    for j in candidate_gap:
        seen[candidate[j]] += 1
        where[candidate[j], seen[candidate[j]]] = j
    seen.clear()
    found: list[Match] = []
    for i in control_gap:
        seen[control[i]] += 1
        j = where.get((control[i], seen[control[i]]), -1)
        if j >= 0:
            found.append((i, j))
    return _longest_rising(found)


def _longest_rising(found: Sequence[Match]) -> list[Match]:
    """Return the longest sequence of pairs that rises on the right (patience sorting); the input already rises on the left."""
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


def heaviest(weights: Sequence[Sequence[float]], first_row: int = 0, first_column: int = 0) -> list[Match]:
    """Return the order-preserving pairs of rows and columns with the greatest total weight; cells of weight 0 are never paired.

    Args:
        weights: one row for each item of control, one column for each item of candidate; cost is rows times columns.
        first_row: number that is added to the returned rows.
        first_column: number that is added to the returned columns.
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
            chosen.append((first_row + i, first_column + j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return chosen


def pair_similar(
    gap: tuple[range, range], groups: tuple[Sequence[Hashable], Sequence[Hashable]], likeness: Callable[[int, int], float]
) -> list[Match]:
    """Return pairs of the most similar unequal items of one gap, in order.

    Args:
        gap: indexes in control and in candidate.
        groups: the group of each item of control and of candidate; items of different groups are never paired.
        likeness: returns a number above 0, larger when the two items are more alike.

    If a gap is too large for computing the likeness of each pair, its items are paired by their position within their group.
    """
    control_gap, candidate_gap = gap
    control, candidate = groups
    if len(control_gap) == 1 and len(candidate_gap) == 1:
        return [(control_gap[0], candidate_gap[0])] if control[control_gap[0]] == candidate[candidate_gap[0]] else []
    if len(control_gap) * len(candidate_gap) <= _SIMILAR_CELLS:
        return heaviest(
            [[likeness(i, j) if control[i] == candidate[j] else 0.0 for j in candidate_gap] for i in control_gap],
            control_gap.start,
            candidate_gap.start,
        )
    return _by_occurrence(control, candidate, control_gap, candidate_gap)
