"""Changes one thing in a rule: a threshold, a window, a label, an operator, a function or a wait. The cases must notice each change."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    ">": ("<", ">="),
    "<": (">", "<="),
    ">=": ("<", ">"),
    "==": ("!=",),
    "and": ("or", "unless"),
    "or": ("and",),
    "unless": ("and",),
    "-": ("+",),
    "/": ("*",),
}
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "sum": ("max",),
    "max": ("min",),
    "min": ("max",),
    "increase": ("delta * 2 *",),
    "delta": ("changes - ",),
}
_FACTORS: Final = (1 / 3, 3)
_MINUTES: Final[Mapping[str, int]] = {"m": 1, "h": 60, "d": 1440}
_COMPARED: Final = re.compile(r"(?<=[<>=] )(\d+(?:\.\d+)?)(?![\d.a-z])")
_FACTOR: Final = re.compile(r"(?<=[*>] )(\d+(?:\.\d+)?)(?= \*)")
_WINDOW: Final = re.compile(r"(?<=\[)(\d+)([mhd])(?=\])")
_OPERATOR: Final = re.compile(r"(?<=[\s)}])(>=|==|>|<|and|or|unless|-|/)(?=\s)")
_MATCHER: Final = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')
_BY: Final = re.compile(r"by \(([a-z_, ]+)\)")
_AGGREGATION: Final = re.compile(r"\b(max|min)(?= by|\()")


def mutants(rule: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (what was changed, the changed rule)."""
    for what, expr in _expressions(rule["expr"]):
        yield what, copy.deepcopy(dict(rule)) | {"expr": expr}
    wait = rule.get("for")
    if wait is not None and wait != "0m":
        for factor in (0, 3):
            minutes = int(wait[:-1]) * _MINUTES[wait[-1]] * factor
            yield f"for: {wait} -> {minutes}m", copy.deepcopy(dict(rule)) | {"for": f"{minutes}m"}


def _expressions(expr: str) -> Iterator[tuple[str, str]]:
    for pattern, changes in (
        (_COMPARED, _scaled),
        (_FACTOR, _scaled),
        (_WINDOW, _windows),
        (_OPERATOR, lambda found: _OPERATORS[found[0]]),
        (_MATCHER, _matchers),
        (_BY, _groups),
        (_AGGREGATION, lambda found: _WORDS[found[0]]),
    ):
        for found in pattern.finditer(expr):
            for new in changes(found):
                yield f"{found[0]} -> {new} at {found.start()}", expr[: found.start()] + new + expr[found.end() :]


def _scaled(found: re.Match[str]) -> tuple[str, ...]:
    number = float(found[1])
    return ("1",) if number == 0 else tuple(f"{number * factor:g}" for factor in _FACTORS)


def _windows(found: re.Match[str]) -> tuple[str, ...]:
    minutes = int(found[1]) * _MINUTES[found[2]]
    return tuple(f"{max(1, round(minutes * factor))}m" for factor in _FACTORS)


def _matchers(found: re.Match[str]) -> tuple[str, ...]:
    label, operator, value = found.groups()
    negated = {"=": "!=", "=~": "!~", "!=": "="}[operator]
    fewer = [f'{label}=~"{one}"' for one in value.split("|")] if "|" in value else []
    return (f'{label}{negated}"{value}"', f'{label}{operator}"something-else"', *fewer)


def _groups(found: re.Match[str]) -> tuple[str, ...]:
    labels = found[1].split(", ")
    return tuple(f"by ({', '.join(one for one in labels if one != label)})" for label in labels)
