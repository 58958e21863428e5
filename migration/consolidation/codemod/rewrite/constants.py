"""Texts that are known without running code: literals, joined literals, f-strings and variables of them."""

from collections.abc import Callable
from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.source import Source
from migration.consolidation.findings.meaning import Meaning

_MOST_STEPS: Final = 10
_Meaning = Callable[[cst.CSTNode], Meaning | None]


def constant_text(source: Source, value: cst.BaseExpression, meaning: _Meaning, steps: int = _MOST_STEPS) -> str | None:
    """Return the only text that an expression can have; None: it may have several, or is not a text.

    Args:
        source: the file.
        value: the expression.
        meaning: returns what an expression means; the `__name__` of a module is a text.
        steps: at most this many variables are followed.
    """
    if isinstance(value, cst.SimpleString):
        text = value.evaluated_value
        return text if isinstance(text, str) else None
    if isinstance(value, cst.FormattedString):
        return _formatted(source, value.parts, meaning, steps)
    if isinstance(value, cst.ConcatenatedString) or (isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add)):
        return _joined(source, [value.left, value.right], meaning, steps)
    return _named(source, value, meaning, steps)


def _named(source: Source, value: cst.BaseExpression, meaning: _Meaning, steps: int) -> str | None:
    if isinstance(value, cst.Attribute) and value.attr.value == "__name__":
        module = meaning(value.value)
        return module.module if module is not None and module.kind == "module" else None
    held = _held(source, value) if isinstance(value, cst.Name) and steps else None
    return constant_text(source, held, meaning, steps - 1) if held is not None else None


def is_text(source: Source, value: cst.BaseExpression) -> bool:
    """Return whether an expression certainly is a text, even if the text itself is not known."""
    if isinstance(value, cst.Name):
        held = _held(source, value)
        return held is not None and not isinstance(held, cst.Name) and is_text(source, held)
    if isinstance(value, cst.BinaryOperation):
        return is_text(source, value.left) or is_text(source, value.right)
    if isinstance(value, cst.Call):
        return isinstance(value.func, cst.Attribute) and is_text(source, value.func.value)
    return isinstance(value, cst.BaseString)


def _joined(source: Source, values: list[cst.BaseExpression], meaning: _Meaning, steps: int) -> str | None:
    texts = [constant_text(source, value, meaning, steps) for value in values]
    return "".join(text for text in texts if text is not None) if None not in texts else None


def _formatted(source: Source, parts: object, meaning: _Meaning, steps: int) -> str | None:
    found = []
    for part in parts if isinstance(parts, list | tuple) else ():
        if isinstance(part, cst.FormattedStringText):
            found.append(part.value.replace("{{", "{").replace("}}", "}"))
        elif isinstance(part, cst.FormattedStringExpression) and part.conversion is None and part.format_spec is None:
            text = constant_text(source, part.expression, meaning, steps)
            if text is None:
                return None
            found.append(text)
        else:
            return None
    return "".join(found)


def _held(source: Source, name: cst.Name) -> cst.BaseExpression | None:
    """Return the only value that is assigned to a variable; None: it may have another value."""
    bound = source.assignments(name)
    node = bound[0].node if len(bound) == 1 and bound[0].kind == "name" else None
    around = source.parent(node) if node is not None else None
    assign = source.parent(around) if isinstance(around, cst.AssignTarget) else around
    return assign.value if isinstance(assign, cst.Assign | cst.AnnAssign) else None
