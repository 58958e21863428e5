"""One file's syntax tree, and what the codemod needs to know of its nodes: place, text, parent, what binds a name, the audit's scope."""

import ast
import re
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, cast

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, CodeSpan, MetadataWrapper

from migration.consolidation.codemod.read.focus import LeftOut, without
from migration.consolidation.reading.facts import FileFacts
from migration.consolidation.reading.scopes import Scopes, Site, SiteKind, Table

Span = tuple[int, int]
"""First byte and the byte after the last one, in the file's text as UTF-8."""

#: Expressions that do nothing when they are evaluated.
SIMPLE: Final = (cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Ellipsis)
AnyImport = cst.Import | cst.ImportFrom
_LINE_END: Final = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A place in the file that binds a name."""

    kind: SiteKind
    node: cst.CSTNode | None  #: the name, the parameter, the definition, or the import statement; None for a binding of kind `other`


class Source:
    """One parsed file.

    Args:
        data: the file's bytes.
        facts: what the audit knows about the file.
        left_out: the parts of the file that are not parsed, because they can have nothing to do with a legacy module.

    Raises (at construction):
        libcst.ParserSyntaxError: LibCST cannot parse the file.
        UnicodeDecodeError: the file does not have the encoding that it declares.
        SyntaxError, ValueError: the running version of Python does not compile the file.
    """

    def __init__(self, data: bytes, facts: FileFacts, left_out: Sequence[LeftOut] = ()) -> None:
        wrapper = MetadataWrapper(cst.parse_module(without(data, left_out)), unsafe_skip_copy=True)
        self.module = wrapper.module
        text = self.module.code
        self.data: Final = data if left_out else self.module.bytes
        self.text = data if left_out else text.encode()  #: UTF-8, whatever the file's encoding
        # LibCST has only partial types for the results of its providers.
        self._spans = cast("Mapping[cst.CSTNode, CodeSpan]", wrapper.resolve(ByteSpanPositionProvider))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file had invalid escapes before
            self.scopes = Scopes(ast.parse(text), text)
        self._children: dict[cst.CSTNode, Sequence[cst.CSTNode]] = {}
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self._nodes = self._walk()
        self._line_starts = [0, *accumulate(len(line) + 1 for line in self.text.split(b"\n"))]
        self._python_lines = [0, *(match.end() for match in _LINE_END.finditer(self.text))]  # as CPython counts lines
        self._named = {self._spans[node].start: node for node in self._nodes if isinstance(node, cst.Name)}
        self._statements = {self._spans[node].start: node for node in self._nodes if isinstance(node, AnyImport)}
        self._definitions = {
            (self._place(node.name)[0], node.name.value): node for node in self._nodes if isinstance(node, cst.FunctionDef | cst.ClassDef)
        }
        self._bindings: dict[Site, Binding] = {}
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

    def lines_of(self, span: Span) -> range:
        """Return the lines that a span touches, from 1, where only a line feed ends a line."""
        return range(bisect_right(self._line_starts, span[0]), bisect_right(self._line_starts, span[1]) + 1)

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

    def assignments(self, name: cst.Name) -> Sequence[Binding]:
        """Return all places that may bind the name, in its scope or an outer one; builtins and star imports are left out."""
        table = self.scopes.at(*self._place(name))
        return [self._binding(site) for site in self.scopes.sites(table, name.value)] if table is not None else []

    def bound(self, node: cst.CSTNode, name: str) -> Sequence[Binding]:
        """Return all places that would bind a name at the node's place."""
        return [self._binding(site) for site in self.scopes.sites(self.scopes.around(*self._place(node)), name)]

    def owner(self, name: cst.Name) -> Table | None:
        """Return the scope that binds the name, or the module if no scope does; None: the node does not name a variable."""
        table = self.scopes.at(*self._place(name))
        return self.scopes.owner(table, name.value) if table is not None else None

    def is_local(self, name: cst.Name) -> bool:
        """Return whether the innermost scope around the name binds it, not an outer one, as after `global`."""
        table = self.scopes.at(*self._place(name))
        return table is not None and self.scopes.owner(table, name.value) is table

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

    def _place(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return CPython's line and column of the place where the node begins."""
        start = self._spans[node].start
        line = bisect_right(self._python_lines, start)
        return line, start - self._python_lines[line - 1]

    def _binding(self, site: Site) -> Binding:
        if site not in self._bindings:
            self._bindings[site] = Binding(site.kind, self._bound_by(site))
        return self._bindings[site]

    def _bound_by(self, site: Site) -> cst.CSTNode | None:
        if site.kind in {"import", "star"}:
            start = self._python_lines[getattr(site.node, "lineno", 1) - 1] + getattr(site.node, "col_offset", 0)
            return self._statements.get(start)
        if site.kind == "definition":
            return self._definitions.get((site.line, site.name))
        name = self._named.get(self._python_lines[site.line - 1] + site.column) if site.kind != "other" else None
        return self.parent(name) if name is not None and site.kind == "parameter" else name


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
