"""Rewrites one call by a rule, as an edit of the file's text.

Arguments keep their text, and comments between them are never lost.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import libcst as cst

from migration.consolidation.codemod.follow.named_later import named_later
from migration.consolidation.codemod.follow.partials import left_to_give
from migration.consolidation.codemod.follow.unpacking import unpacked
from migration.consolidation.codemod.read.source import SIMPLE, Source, is_none, is_simple
from migration.consolidation.codemod.rewrite.edits import Edit, Span
from migration.consolidation.codemod.rules import CodemodRule, ObjectName, Parameter, Placeholder
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names

_PINNED_CALL: Final = re.compile(r"(?P<object>[\w.]+:[\w.]+)\(\)")
#: Expressions that need no parentheses before a dot or in a call.
_ATOMS: Final = (*SIMPLE, cst.Attribute, cst.Call, cst.Subscript, cst.List, cst.Dict, cst.Set, cst.ListComp, cst.SetComp, cst.DictComp)
_AWAITABLE_PLACES: Final = (cst.Assign, cst.AnnAssign, cst.Expr, cst.Return, cst.Arg, cst.NamedExpr, cst.AugAssign)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The result of a rule for a call."""

    edits: tuple[Edit, ...]
    objects: tuple[ObjectName, ...]  #: objects that have to be imported


class CallRewriter:
    """Rewrites calls in one file.

    Args:
        source: the file.
        meaning: returns what an expression means.
        names: the meaning of names in the tree.
    """

    def __init__(self, source: Source, meaning: Callable[[cst.CSTNode], Meaning | None], names: Names) -> None:
        self._source = source
        self._meaning = meaning
        self._names = names

    def rewrite(self, call: cst.Call, rules: Sequence[CodemodRule], names: Callable[[ObjectName], str]) -> Rewritten | str:
        """Return the call rewritten by the first rule that fits, or why none fits.

        Args:
            call: the call.
            rules: the rules for the call's callee.
            names: returns the name of an object in this file.
        """
        objections: list[str] = []
        for rule in rules:
            bound = self._bind(call, rule.parameters)
            objection = bound if isinstance(bound, str) else self._objection(call, rule, bound)
            if objection is None and not isinstance(bound, str):
                return self._apply(call, rule, bound, names)
            objections.append(str(objection))
        return (
            "; ".join(dict.fromkeys(objections))
            or "no rule says what this call becomes; write one in [tool.netra-migration.codemod], or change it by hand"
        )

    def changes(self, done: Rewritten) -> bool:
        """Return whether the rewritten call has another text."""
        return any(edit.changes(self._source.text) for edit in done.edits)

    def rewrite_partial(self, call: cst.Call, rules: Sequence[CodemodRule], names: Callable[[ObjectName], str]) -> Rewritten | str:
        """Return `partial(callee, ...)` rewritten by the first rule that fits, to a lambda that takes the missing arguments; or why none
        fits.
        """
        objections: list[str] = []
        for rule in rules:
            given = [argument.value for argument in call.args[1:]]
            left = left_to_give(call, rule)
            if isinstance(left, str):
                objections.append(left)
                continue
            values: dict[str, cst.BaseExpression | str] = {name: name for name in left}
            values.update((parameter.name, value) for parameter, value in zip(rule.parameters, given, strict=False))
            edit = Edit(self._source.bare_span(call), (f"lambda {', '.join(left)}: ", *self._pieces(rule.new, values, names)))
            objects = tuple(piece for piece in rule.new if isinstance(piece, ObjectName))
            return Rewritten((edit, *self._rescued_comments(call, edit)), objects)
        return "; ".join(dict.fromkeys(objections)) or "no rule says what this partial becomes"

    def _bind(self, call: cst.Call, parameters: Sequence[Parameter]) -> dict[str, cst.Arg] | str:
        """Return the argument for each parameter that gets one, or why the call's arguments do not fit the parameters."""
        bound: dict[str, cst.Arg] = {}
        arguments = unpacked(self._source, call)
        if arguments is None:
            return "unpacked arguments hide what is passed; write them out"
        for index, argument in enumerate(arguments):
            if argument.keyword is None and index >= len(parameters):
                return f"the call has {len(arguments)} arguments, and the rule has {len(parameters)}"
            name = argument.keyword.value if argument.keyword is not None else parameters[index].name
            if name in bound or all(parameter.name != name for parameter in parameters):
                return f"{name} is not a parameter of the rule, or is passed twice"
            bound[name] = argument
        for parameter in parameters:
            given = bound.get(parameter.name)
            if given is None and (named := named_later(self._source, call, parameter, self._place_of)) is not None:
                given = bound[parameter.name] = named
            if parameter.presence == "required" and (given is None or is_none(given.value)):
                return f"{parameter.name} is not passed, and the codemod must not invent it; pass it"
            if parameter.presence == "pinned" and given is not None and not self._is_value(given.value, parameter.value):
                return f"{parameter.name}={self._source.code(given.value)} has no counterpart on the target"
        return bound

    def _place_of(self, member: cst.Attribute, parameter: str) -> int | None:
        meaning = self._meaning(member)
        function = self._names.function_of(meaning) if meaning is not None else None
        positional = function.signature.positional if function is not None else ()
        return positional.index(parameter) if parameter in positional else None

    def _objection(self, call: cst.Call, rule: CodemodRule, bound: dict[str, cst.Arg]) -> str | None:
        """Return why the rewritten call might not do the same as this call; None: it does."""
        values = {name: argument.value for name, argument in bound.items()}
        if isinstance(call.func, cst.Attribute):
            values["self"] = call.func.value
        if "self" in rule.used and "self" not in values:
            return "the method is kept in a variable; call it on its object"
        if rule.awaited and not isinstance(self._source.parent(call), cst.Await):
            return "the call is not awaited directly, and the target's method is not a coroutine"
        if rule.awaits and not self._in_coroutine(call):
            return "the target is made by a coroutine, and this function is not one; make the engine in a coroutine"
        pinned = {parameter.name for parameter in rule.parameters if parameter.presence == "pinned"}
        used = rule.used
        order = [name for name in used if name in values and not is_simple(values[name])]
        if len(set(order)) != len(order):
            return "an argument with possible effects would be evaluated twice; put it into a variable first"
        written = [name for name in ("self", *bound) if name in values]
        if not self._in_order(written, [name for name in used if name in values], values):
            return "arguments with possible effects would be evaluated in another order; put them into variables first"
        lost = next((name for name in bound if name not in used and name not in pinned and not is_simple(values[name])), None)
        return f"the argument {lost} would no longer be evaluated; put it into a variable first" if lost is not None else None

    def _in_order(self, written: Sequence[str], new: Sequence[str], values: Mapping[str, cst.BaseExpression]) -> bool:
        """Return whether every argument is still evaluated before, or after, the same effects as in the old call."""
        acting = [name for name in written if not is_simple(values[name])]
        if [name for name in new if name in acting] != [name for name in acting if name in new]:
            return False
        for name in set(new).difference(acting):
            for other in acting:
                if other not in new or not self._may_change(values[name], values[other]):
                    continue
                before = written.index(name) < written.index(other)
                places = [index for index, item in enumerate(new) if item == name]
                if any((place < new.index(other)) != before for place in places):
                    return False
        return True

    def _may_change(self, value: cst.BaseExpression, acting: cst.BaseExpression) -> bool:
        """Return whether evaluating one expression may change the value of another one that has no effects itself."""
        if isinstance(value, cst.BaseString | cst.BaseNumber | cst.Ellipsis):
            return False
        inside: list[cst.CSTNode] = [acting]
        while inside:
            node = inside.pop()
            if isinstance(node, cst.NamedExpr | cst.Yield):
                return True
            if isinstance(node, cst.Await | cst.Call) and (isinstance(value, cst.Attribute) or not self._is_local(value)):
                return True
            inside.extend(self._source.children(node))
        return False

    def _is_local(self, value: cst.BaseExpression) -> bool:
        """Return whether a name is local to the function, so that no other code can bind it."""
        owner = self._source.owner(value) if isinstance(value, cst.Name) else None
        return owner is not None and owner.node is not None and not isinstance(owner.node, ast.Module | ast.ClassDef)

    def _apply(self, call: cst.Call, rule: CodemodRule, bound: dict[str, cst.Arg], names: Callable[[ObjectName], str]) -> Rewritten:
        replaced = self._source.parent(call) if rule.awaited else call
        values = {name: argument.value for name, argument in bound.items()}
        if isinstance(call.func, cst.Attribute):
            values["self"] = call.func.value
        pieces = self._in_old_layout(call, rule, bound, values, names) or tuple(self._pieces(rule.new, values, names))
        parenthesised = bool(getattr(replaced, "lpar", ()))
        if rule.awaits and not parenthesised and not isinstance(self._source.parent(replaced), _AWAITABLE_PLACES):
            pieces = ("(", *pieces, ")")
        edit = Edit(self._source.bare_span(replaced), pieces)
        return Rewritten(
            (edit, *self._rescued_comments(replaced, edit)), tuple(piece for piece in rule.new if isinstance(piece, ObjectName))
        )

    def _pieces(
        self,
        new: Sequence[str | Placeholder | ObjectName],
        values: Mapping[str, cst.BaseExpression | str],
        names: Callable[[ObjectName], str],
    ) -> Iterator[str | Span]:
        for index, piece in enumerate(new):
            if isinstance(piece, ObjectName):
                yield names(piece)
            elif isinstance(piece, str):
                yield piece
            else:
                following = new[index + 1] if index + 1 < len(new) else ""
                followed = isinstance(following, str) and following.startswith((".", "(", "["))
                value = values[piece.name]
                if isinstance(value, str):
                    yield value
                else:
                    span = self._source.span(value)
                    yield from ("(", span, ")") if _needs_parentheses(value, followed=followed) else (span,)

    def _in_old_layout(
        self,
        call: cst.Call,
        rule: CodemodRule,
        bound: dict[str, cst.Arg],
        values: dict[str, cst.BaseExpression],
        names: Callable[[ObjectName], str],
    ) -> tuple[str | Span, ...] | None:
        """Return pieces that keep line breaks and comments; None if the new call does not take the first arguments unchanged."""
        start = next((index for index, piece in enumerate(rule.new) if isinstance(piece, str) and piece.endswith("(")), None)
        passed = _passed_on(rule.new[start + 1 :]) if start is not None else None
        if start is None or not passed or rule.awaited or len(call.args) < len(passed):
            return None
        kept = call.args[: len(passed)]
        if any(argument.keyword is not None or bound.get(name) is not argument for name, argument in zip(passed, kept, strict=True)):
            return None
        function = str(rule.new[start]).removesuffix("(")
        arguments = (self._source.span(call.func)[1], self._source.span(kept[-1].value)[1])
        rest = (self._source.span(call.args[-1].value)[1], self._source.bare_span(call)[1])
        return (*self._pieces(rule.new[:start], values, names), function, arguments, rest)

    def _rescued_comments(self, node: cst.CSTNode, edit: Edit) -> Iterator[Edit]:
        """Yield an edit that inserts, above the statement, the comments that the rewrite would remove."""
        kept = [piece for piece in edit.pieces if not isinstance(piece, str)]
        lost = []
        for comment in self._comments(node):
            start, end = self._source.bare_span(comment)
            inside = edit.span[0] <= start and end <= edit.span[1]
            if inside and not any(begin <= start and end <= stop for begin, stop in kept):
                lost.append(self._source.code(comment))
        if lost:
            start, indent = self._source.line_start(self._source.statement(node))
            newline = self._source.module.default_newline
            yield Edit((start, start), tuple(f"{indent}{text}{newline}" for text in lost))

    def _comments(self, node: cst.CSTNode) -> Iterator[cst.Comment]:
        if isinstance(node, cst.Comment):
            yield node
        for child in self._source.children(node):
            yield from self._comments(child)

    def _is_value(self, node: cst.BaseExpression, pinned: str) -> bool:
        if (match := _PINNED_CALL.fullmatch(pinned)) is not None:
            meaning = self._meaning(node.func) if isinstance(node, cst.Call) and not node.args else None
            return meaning is not None and meaning.text == match["object"]
        return self._source.module.code_for_node(node) == pinned

    def _in_coroutine(self, node: cst.CSTNode) -> bool:
        for ancestor in self._source.ancestors(node):
            if isinstance(ancestor, cst.Lambda | cst.GeneratorExp):
                return False
            if isinstance(ancestor, cst.FunctionDef):
                return ancestor.asynchronous is not None
        return False


def _passed_on(arguments: Sequence[str | Placeholder | ObjectName]) -> list[str] | None:
    """Return the parameters if the rest of the new form is only a list of parameters; None: the rest contains something else."""
    names = [piece.name for piece in arguments if isinstance(piece, Placeholder)]
    separators = [piece for piece in arguments if not isinstance(piece, Placeholder)]
    return names if separators == [*[", "] * (len(names) - 1), ")"] and "self" not in names else None


def _needs_parentheses(value: cst.BaseExpression, *, followed: bool) -> bool:
    if value.lpar:
        return False
    if isinstance(value, cst.NamedExpr | cst.GeneratorExp | cst.Yield):
        return True
    return followed and (not isinstance(value, _ATOMS) or isinstance(value, cst.Integer))
