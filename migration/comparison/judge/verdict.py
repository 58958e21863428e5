"""The verdict of a comparison: that of its worst divergence, and `inconclusive` as soon as anything was left uncompared."""

from collections.abc import Collection, Iterable

from migration.model import Divergence, Verdict
from migration.sentence import Sentence

_ORDER = tuple(Verdict)


def overall(divergences: Iterable[Divergence], reasons: Collection[Sentence]) -> Verdict:
    """Return the verdict. It is `match` only when there is no divergence of any kind and no reason to doubt.

    Args:
        divergences: all of them; each one is `divergent` until it was judged noise or accepted, and none ever counts as a match.
        reasons: why something was not compared.
    """
    if reasons:
        return Verdict.INCONCLUSIVE
    # A divergence that claims to match is a contradiction; it is divergent.
    verdicts = (divergence.verdict if divergence.verdict is not Verdict.MATCH else Verdict.DIVERGENT for divergence in divergences)
    return max(verdicts, key=_ORDER.index, default=Verdict.MATCH)
