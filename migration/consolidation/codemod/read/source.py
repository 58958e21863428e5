"""One file's syntax tree, and what the codemod needs to know of its nodes: place, text, parent, Python's scope and the audit's scope."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, cast

import libcst as cst
from libcst.metadata import (
    Assignment,
    BaseAssignment,
    ByteSpanPositionProvider,
    CodeSpan,
    ImportAssignment,
    MetadataWrapper,
    Scope,
    ScopeProvider,
)

from migration.consolidation.reading.facts import FileFacts

Span = tuple[int, int]
"""First byte and the byte after the last one, in the file's text as UTF-8."""

#: Expressions that do nothing when they are evaluated.
SIMPLE: Final = (cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Ellipsis)
AnyImport = cst.Import | cst.ImportFrom


class Source:
    """One parsed file.

    Args:
        data: the file's bytes.
        facts: what the audit knows about the file.

    Raises (at construction):
        libcst.ParserSyntaxError: LibCST cannot parse the file.
        UnicodeDecodeError: the file does not have the encoding that it declares.
    """

    def __init__(self, data: bytes, facts: FileFacts) -> None:
        wrapper = MetadataWrapper(cst.parse_module(data), unsafe_skip_copy=True)
        self.module = wrapper.module
        self.text = self.module.code.encode()  #: UTF-8, whatever the file's encoding
        metadata = wrapper.resolve_many([ByteSpanPositionProvider, ScopeProvider])
        # LibCST has only partial types for the results of its providers.
        self._spans = cast("Mapping[cst.CSTNode, CodeSpan]", metadata[ByteSpanPositionProvider])
        self._scopes = cast("Mapping[cst.CSTNode, Scope | None]", metadata[ScopeProvider])
        self._children: dict[cst.CSTNode, Sequence[cst.CSTNode]] = {}
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self._nodes = self._walk()
        self._line_starts = [0, *accumulate(len(line) + 1 for line in self.text.split(b"\n"))]
        self.numbers = self._scope_numbers(facts)

    def nodes(self) -> Sequence[cst.CSTNode]:
        """Return every node that has a place, in source order, outer nodes before inner ones."""
        return self._nodes

    def children(self, node: cst.CSTNode) -> Sequence[cst.CSTNode]:
        """Return the parts of a node, in source order."""
        return self._children[node]

    def span(self, node: cst.CSTNode) -> Span:
        """Return the node's place, with the parentheses around it."""
        found = self._spans[node]
        start, end = found.start, found.start + found.length
        if isinstance(node, cst.BaseExpression):
            start -= sum(len(self.module.code_for_node(left).encode()) for left in node.lpar)
            end += sum(len(self.module.code_for_node(right).encode()) for right in node.rpar)
        return start, end

    def bare_span(self, node: cst.CSTNode) -> Span:
        """Return the node's place, without the parentheses around it."""
        found = self._spans[node]
        return found.start, found.start + found.length

    def line_start(self, node: cst.CSTNode) -> tuple[int, str]:
        """Return the first byte of the line that the node begins on, and the white space that the line begins with."""
        start = self._line_starts[self.line(node) - 1]
        end = start
        while self.text[end : end + 1] in {b" ", b"\t", b"\f"}:
            end += 1
        return start, self.text[start:end].decode()

    def line_end(self, node: cst.CSTNode) -> int:
        """Return the end of the line that the node ends on, before its line break."""
        _, end = self.bare_span(node)
        stop = self.text.find(b"\n", end)
        stop = len(self.text) if stop < 0 else stop
        return stop - 1 if self.text[stop - 1 : stop] == b"\r" else stop

    def line(self, node: cst.CSTNode) -> int:
        """Return the line that the node begins on, from 1."""
        return bisect_right(self._line_starts, self._spans[node].start)

    def code(self, node: cst.CSTNode) -> str:
        """Return the node's text."""
        start, end = self.span(node)
        return self.text[start:end].decode()

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the parent of the node; for the module, the module itself."""
        return self._parents.get(node, self.module)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes that contain this one, from the inside out, without the module."""
        while not isinstance(node := self.parent(node), cst.Module):
            yield node

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the whole line, or the compound statement, that contains the node."""
        found = node
        for ancestor in self.ancestors(node):
            found = ancestor
            if isinstance(ancestor, cst.SimpleStatementLine | cst.BaseCompoundStatement):
                break
        return found

    def assignments(self, name: cst.Name) -> Sequence[BaseAssignment]:
        """Return all assignments that may bind the name, in its scope or an outer one; builtins are left out."""
        scope = self._scopes.get(name)
        found = scope[name.value] if scope is not None else ()
        return [item for item in found if isinstance(item, Assignment | ImportAssignment)]

    def bound(self, node: cst.CSTNode, name: str) -> Sequence[BaseAssignment]:
        """Return all assignments that would bind a name at the node's place."""
        scope = self._scope(node)
        return [item for item in scope[name] if isinstance(item, Assignment | ImportAssignment)]

    def is_top_level(self, node: cst.CSTNode) -> bool:
        """Return whether a statement is in the module itself, not in a block."""
        line = self.statement(node) if not isinstance(node, cst.SimpleStatementLine) else node
        return isinstance(self.parent(line), cst.Module)

    def _walk(self) -> list[cst.CSTNode]:
        """Record parts and parents of all nodes once, because LibCST computes the parts again at each request."""
        found: list[cst.CSTNode] = []
        pending: list[cst.CSTNode] = [self.module]
        while pending:
            node = pending.pop()
            found.append(node)
            self._children[node] = children = node.children
            self._parents.update((child, node) for child in children)
            pending.extend(reversed(children))
        return [node for node in found if node in self._spans]

    def _scope_numbers(self, facts: FileFacts) -> dict[cst.CSTNode, int]:
        """Return the audit's number of the scope that contains each node; for a function or class, the number of the surrounding scope."""
        by_name: dict[str, list[int]] = {}
        for number, known in enumerate(facts.scopes):
            by_name.setdefault(known.name, []).append(number)
        seen: Counter[str] = Counter()
        numbers: dict[cst.CSTNode, int] = {}
        pending: list[tuple[cst.CSTNode, int, str]] = [(self.module, 0, "")]
        while pending:
            node, scope, name = pending.pop()
            numbers[node] = scope
            inside: tuple[cst.CSTNode, ...] = ()
            inner, inner_name = scope, name
            if isinstance(node, cst.FunctionDef | cst.ClassDef):
                inner_name = f"{name}.{node.name.value}" if name else node.name.value
                candidates = by_name.get(inner_name, [])
                inner = candidates[seen[inner_name]] if seen[inner_name] < len(candidates) else scope
                seen[inner_name] += 1
                inside = (node.body, node.params) if isinstance(node, cst.FunctionDef) else (node.body,)
            pending.extend(
                (child, inner, inner_name) if child in inside else (child, scope, name) for child in reversed(self._children[node])
            )
        return numbers

    def _scope(self, node: cst.CSTNode) -> Scope:
        for candidate in (node, *self.ancestors(node), self.module):
            found = self._scopes.get(candidate)
            if found is not None:
                return found
        raise LookupError("the module is in no scope")


def by_getattr(node: cst.CSTNode) -> tuple[cst.BaseExpression, cst.SimpleString] | None:
    """Return the object and the literal name of `getattr(object, "name")`; None: the node is something else."""
    match node:
        case cst.Call(func=cst.Name(value="getattr"), args=[cst.Arg(value=holder), cst.Arg(value=cst.SimpleString() as literal)]):
            return (holder, literal) if str(literal.evaluated_value).isidentifier() else None
        case _:
            return None


def dotted(node: cst.CSTNode) -> str | None:
    """Return `a.b.c`, with `()` for each call in it; None for any other expression. As in the audit, `await` is ignored and `getattr` with
    a literal counts as an attribute.
    """
    if (named := by_getattr(node)) is not None:
        holder = dotted(named[0])
        return f"{holder}.{named[1].evaluated_value!s}" if holder is not None else None
    match node:
        case cst.Name(value=name):
            return name
        case cst.Attribute(value=value, attr=attribute):
            holder = dotted(value)
            return f"{holder}.{attribute.value}" if holder is not None else None
        case cst.Call(func=function):
            callee = dotted(function)
            return f"{callee}()" if callee is not None else None
        case cst.Await(expression=expression):
            return dotted(expression)
        case _:
            return None


def root_name(node: cst.CSTNode) -> cst.Name | None:
    """Return the name that a dotted expression begins with; None: it does not begin with a name."""
    while True:
        if (named := by_getattr(node)) is not None:
            node = named[0]
        match node:
            case cst.Name():
                return node
            case cst.Attribute(value=inner) | cst.Call(func=inner) | cst.Await(expression=inner):
                node = inner
            case _:
                return None


def is_simple(value: cst.BaseExpression) -> bool:
    """Return whether an expression has no effects, so that it may be dropped, repeated or moved."""
    return isinstance(value, SIMPLE) or (isinstance(value, cst.Attribute) and is_simple(value.value))


def is_none(value: cst.BaseExpression) -> bool:
    """Return whether an expression is the literal `None`."""
    return isinstance(value, cst.Name) and value.value == "None"
