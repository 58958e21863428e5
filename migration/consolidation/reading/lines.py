"""Finds the statements of a file on lines that matter."""

import ast
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

#: Statements that contain other statements in the same scope.
COMPOUND: Final = (ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While, ast.Match)
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Lines:
    """A set of line numbers.

    Args:
        numbers: the line numbers in ascending order.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self._set = frozenset(numbers)

    def touch(self, first: int, last: int) -> bool:
        """Return whether one of the numbers is between `first` and `last`, both included."""
        if first in self._set:
            return True
        if first == last:
            return False
        position = bisect_left(self.numbers, first)
        return position < len(self.numbers) and self.numbers[position] <= last


def touched(body: Iterable[ast.stmt], lines: Lines) -> Iterator[ast.stmt]:
    """Yield the statements on these lines, each before the statements inside it."""
    for node in body:
        if lines.touch(node.lineno, node.end_lineno or node.lineno):
            yield node
            if isinstance(node, _SCOPES):
                yield from touched(node.body, lines)
            elif isinstance(node, COMPOUND):
                yield from touched(statements_in(node), lines)


def statements_in(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the statements directly inside a compound statement, in all its branches."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.stmt):
            yield inner
        elif isinstance(inner, ast.ExceptHandler | ast.match_case):
            yield from inner.body
