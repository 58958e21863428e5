"""Reports weights of a flag that do not add up to 100 %. The SDK serves such a flag; this module decides nothing."""

from collections.abc import Iterator
from typing import Any, Final

from migration.flags.meaning.data import Item

_WHOLE: Final = 100_000


def weights_remark(key: str, flag: Item | None) -> str | None:
    """Return a sentence about the first rollout whose weights do not add up to 100 %, and what LaunchDarkly does with it; None: all
    rollouts add up.
    """
    for place, shares in _rollouts(flag or {}):
        total = sum(share.get("weight") or 0 for share in shares)
        if shares and total != _WHOLE:
            rest = "the last variation listed gets the rest" if total < _WHOLE else "the part above 100 % is never served"
            return f"{key}: {place}: the weights add up to {total / 1000:g} %; {rest}; make them 100 %"
    return None


def _rollouts(flag: Item) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    places = [("fallthrough", flag.get("fallthrough"))]
    places += [(f"rules[{at}]", rule) for at, rule in enumerate(flag.get("rules") or ())]
    for place, outcome in places:
        if outcome and outcome.get("variation") is None and outcome.get("rollout"):
            yield place, outcome["rollout"].get("variations") or []
