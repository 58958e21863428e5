"""The verdict of a comparison: the verdict of its worst divergence, or `inconclusive` if something was not compared."""

from collections.abc import Collection, Iterable

from migration.model import Divergence, Verdict
from migration.sentence import Sentence

_ORDER = tuple(Verdict)


def overall(divergences: Iterable[Divergence], reasons: Collection[Sentence]) -> Verdict:
    """Return the verdict. It is `match` only when there is no divergence of any kind and no reason to doubt.

    Args:
        divergences: all divergences. Each is `divergent` unless it was judged to be noise or accepted; none counts as a match.
        reasons: why something was not compared.
    """
    if reasons:
        return Verdict.INCONCLUSIVE
    # A divergence with the verdict `match` is a contradiction, so it counts as divergent.
    verdicts = (divergence.verdict if divergence.verdict is not Verdict.MATCH else Verdict.DIVERGENT for divergence in divergences)
    return max(verdicts, key=_ORDER.index, default=Verdict.MATCH)
