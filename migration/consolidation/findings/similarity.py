"""How much code two implementations share: for each pair of functions, the tokens in runs that occur in both.

Comments, docstrings and layout do not count; a literal counts by its type only, so that changed texts and numbers still match. Runs are
compared as k-grams, as in Schleimer, Wilkerson and Aiken (2003), "Winnowing: local algorithms for document fingerprinting". All k-grams
are compared, not a selection, because functions are short.
"""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from migration.consolidation.inventory import MatchingFunction, Similarity
from migration.consolidation.reading.signatures import AnyFunction

_RUN: Final = 8  #: tokens in a row; shorter runs are found in any two functions
_LEAST_SHARE: Final = 0.3  #: share of the tokens of the smaller function; a lower share may be chance
_LAYOUT: Final = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}
)


@dataclass(frozen=True, slots=True)
class FunctionTokens:
    """One function of an implementation."""

    name: str  #: dotted name inside the module
    tokens: tuple[str, ...]
    runs: frozenset[tuple[str, ...]]


def compare(functions: Mapping[str, Sequence[FunctionTokens]]) -> tuple[Similarity, ...]:
    """Return the similarity of every pair of implementations, most similar first.

    Args:
        functions: the functions of each implementation, by module.
    """
    found = [_compare(a, functions[a], b, functions[b]) for a, b in combinations(functions, 2)]
    return tuple(sorted(found, key=lambda item: (-item.ratio, item.a, item.b)))


def read_functions(data: bytes) -> tuple[FunctionTokens, ...]:
    """Return the functions of a file, which must be valid Python. A nested function is part of the function around it."""
    lines = _tokens_by_line(data)
    return tuple(_function(name, node, lines) for name, node in _functions(ast.parse(data).body, ""))


def _compare(a: str, of_a: Sequence[FunctionTokens], b: str, of_b: Sequence[FunctionTokens]) -> Similarity:
    candidates = [(shared, x, y) for x, y in _pairs(of_a, of_b) if (shared := _shared(x, y))]
    # The best pair is taken first, and each function is used once, so that two copies of a function count as one match.
    candidates.sort(key=lambda found: (-found[0], found[1].name, found[2].name))
    matches, used_a, used_b = [], set(), set()
    for shared, x, y in candidates:
        if x.name not in used_a and y.name not in used_b:
            used_a.add(x.name)
            used_b.add(y.name)
            matches.append(MatchingFunction(a=x.name, b=y.name, tokens=shared))
    total = sum(len(function.tokens) for function in (*of_a, *of_b))
    shared_tokens = sum(match.tokens for match in matches)
    return Similarity(a=a, b=b, ratio=round(2 * shared_tokens / total, 4) if total else 0.0, functions=tuple(matches))


def _pairs(of_a: Sequence[FunctionTokens], of_b: Sequence[FunctionTokens]) -> Iterator[tuple[FunctionTokens, FunctionTokens]]:
    """Yield the pairs of functions that have a run in common."""
    holders: dict[tuple[str, ...], list[int]] = {}
    for number, function in enumerate(of_b):
        for run in function.runs:
            holders.setdefault(run, []).append(number)
    for function in of_a:
        for number in sorted({number for run in function.runs for number in holders.get(run, ())}):
            yield function, of_b[number]


def _shared(a: FunctionTokens, b: FunctionTokens) -> int:
    """Return the number of tokens in common runs; 0 if there are too few to be significant."""
    shared = min(_covered(a, b), _covered(b, a))
    return shared if shared >= _LEAST_SHARE * min(len(a.tokens), len(b.tokens)) else 0


def _covered(function: FunctionTokens, other: FunctionTokens) -> int:
    covered, end = 0, 0
    for start, run in enumerate(_runs(function.tokens)):
        if run in other.runs:
            covered += start + len(run) - max(start, end)
            end = start + len(run)
    return covered


def _runs(tokens: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield all runs; a function shorter than a run is one run."""
    if tokens:
        yield from (tokens[start : start + _RUN] for start in range(max(1, len(tokens) - _RUN + 1)))


def _functions(body: Sequence[ast.stmt], around: str) -> Iterator[tuple[str, AnyFunction]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield around + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{around}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            inner = [item for item in ast.walk(node) if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
            yield from _functions(inner, around)


def _function(name: str, node: AnyFunction, lines: dict[int, list[str]]) -> FunctionTokens:
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = range(first.lineno, (first.end_lineno or first.lineno) + 1) if documented else range(0)
    numbers = (number for number in range(node.lineno, (node.end_lineno or node.lineno) + 1) if number not in docstring)
    tokens = tuple(token for number in numbers for token in lines.get(number, ()))
    return FunctionTokens(name, tokens, frozenset(_runs(tokens)))


def _tokens_by_line(data: bytes) -> dict[int, list[str]]:
    lines: dict[int, list[str]] = {}
    for token in tokenize.tokenize(io.BytesIO(data).readline):
        if token.type not in _LAYOUT:
            text = {tokenize.STRING: "''", tokenize.NUMBER: "0"}.get(token.type, token.string)
            lines.setdefault(token.start[0], []).append(text)
    return lines
