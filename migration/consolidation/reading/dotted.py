"""Dotted names in expressions, annotations and strings."""

import ast
import re
from collections.abc import Iterator
from typing import Final

#: `a.b`, `a.b:c`, `.b` (relative) or `a/b.py`. The lookbehind prevents a match from starting inside a longer name.
_NAME: Final = re.compile(
    r"(?<![\w./-])(?:[\w.-]*/)*[\w-]+\.py\b|(?<![\w.])(?:\.+[^\W\d]\w*|[^\W\d]\w*\.[^\W\d]\w*)(?:\.[^\W\d]\w*)*(?::[^\W\d]\w*)?"
)


def dotted_name(node: ast.expr) -> str | None:
    """Return the dotted name of an expression such as `a.b.c`, with `()` for each call; None: another expression. `await` is ignored."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append("." + node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            parts.append("()")
            node = node.func
        elif isinstance(node, ast.Await):
            node = node.value
        elif isinstance(node, ast.Name):
            return node.id + "".join(reversed(parts))
        else:
            return None


def annotation_names(node: ast.expr | None) -> tuple[str, ...]:
    """Return the dotted names in an annotation, in order, also those in quoted parts; () without an annotation."""
    return tuple(dict.fromkeys(_names(node))) if node is not None else ()


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield from _quoted(node.value)
        return
    if (name := dotted_name(node)) is not None:
        yield name
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _names(child)


def _quoted(text: str) -> Iterator[str]:
    try:
        inner = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return
    if not isinstance(inner, ast.Constant):
        yield from _names(inner)


def names_in_text(text: str) -> Iterator[str]:
    """Yield the dotted names and the paths of Python files in a text."""
    return (match.group() for match in _NAME.finditer(text))
