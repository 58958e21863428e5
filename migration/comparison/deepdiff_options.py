"""The options that a policy's rule may give DeepDiff (`compare = "deepdiff"`).

They are checked when a policy is read, and completed for each call.
"""

import re
from collections.abc import Mapping
from functools import cache
from pkgutil import resolve_name
from typing import Any, Final

from migration.errors import MissingExtraError
from migration.extras import extra

#: The number of passes and differences after which DeepDiff gives up; a rule may set other limits.
_LIMITS: Final[dict[str, Any]] = {"max_passes": 100_000, "max_diffs": 500_000}
#: Without this option, `[1, 1, 2]` and `[2, 1]` are equal for DeepDiff if it ignores the order.
_ALWAYS: Final[dict[str, Any]] = {"report_repetition": True}


def checked(options: Mapping[str, Any]) -> str | None:
    """Return the problem of a rule's options, and how to correct it; None: there is no problem."""
    try:
        with extra("deepdiff"):
            from deepdiff import DeepDiff
    except MissingExtraError as error:
        return f'`compare = "deepdiff"`: {error}'
    try:
        DeepDiff({}, {}, **arguments(options))
    except (ValueError, TypeError, AttributeError, ImportError, re.error) as error:
        return f"DeepDiff does not take these options: {error}"
    return None


def arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call of DeepDiff with the options of a rule; names of operators are resolved."""
    given = _ALWAYS | _LIMITS | dict(options)
    operators = given.get("custom_operators")
    if operators:
        given["custom_operators"] = [_operator(name) for name in operators]
    return given


@cache
def _operator(name: str) -> Any:  # noqa: ANN401 - DeepDiff's own protocol
    """Return the operator that an import string names; for a class, an instance of it."""
    named = resolve_name(name)
    return named() if isinstance(named, type) else named
