"""Whether the audit would have seen the users that the criteria `consumers` and `strings` do not report."""

from collections.abc import Sequence
from typing import Final

import msgspec

from migration.consolidation.removal.eyesight.planting import Seen
from migration.consolidation.removal.readiness.criteria import Criterion

LEAST_RECALL: Final = 1.0
"""The share of the planted users of each kind that the audit must see. They are the simplest users of their kind, so none may be missed."""

FEWEST_KINDS: Final = 12
"""At least this many kinds of users must have been planted and searched for."""


def eyesight(found: Sequence[Seen]) -> Criterion:
    """Return the criterion: the audit sees the planted users of every kind, unless no audit can see that kind.

    The kinds that no audit can see are only listed. Such a user fails in a process that runs without control (`processes.py`).
    """
    asked = [one for one in found if one.visible and one.planted]
    missed = [one for one in asked if one.recall < LEAST_RECALL]
    blind = [one.kind for one in found if not one.visible]
    evidence = {
        "least_recall": LEAST_RECALL,
        "kinds": [msgspec.to_builtins(one) | {"recall": one.recall} for one in found],
        "not_visible_in_code": blind,
    }
    if len(asked) < FEWEST_KINDS:
        detail = (
            f"Users of only {len(asked)} kinds were planted and looked for; the engines in the manifest must be implementations that the "
            "audit knows."
        )
    elif missed:
        named = ", ".join(f"{one.kind} ({one.seen} of {one.planted})" for one in missed)
        detail = f"The audit does not see every planted user of these kinds: {named}; look at `exclude` in [tool.netra-migration.audit]."
    else:
        detail = (
            f"The audit sees all {sum(one.planted for one in asked)} planted users of {len(asked)} kinds; users of {len(blind)} other "
            f"kinds ({', '.join(blind)}) are not visible in code, and fail in a process that runs without control."
        )
    return Criterion(name="eyesight", met=len(asked) >= FEWEST_KINDS and not missed, detail=detail, evidence=evidence)
