"""The uses of legacy implementations in a file: where it names their objects, by any name, and what it does with instances of them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.passing import origin_of
from migration.consolidation.codemod.read.source import Source, by_getattr, dotted, root_name
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.reading.facts import CallFact

_SELVES: Final = frozenset({"self", "cls", "super"})
_TAKE_BY_NAME: Final = frozenset({"getattr", "hasattr", "setattr", "delattr", "methodcaller", "attrgetter"})


@dataclass(frozen=True, slots=True)
class ObjectUse:
    """A class, a function or a variable of a legacy module, without attributes after its name."""

    node: cst.Name | cst.Attribute | cst.Call  #: a call is always `getattr` with a literal
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class MemberUse:
    """An attribute or a method of an instance of a legacy class."""

    node: cst.Attribute
    holder: Meaning  #: the instance whose member is used
    meaning: Meaning | None  #: the member, where it is defined; None: it is unknown


@dataclass(frozen=True, slots=True)
class PassedOn:
    """An attribute of a legacy module that the module only imports from elsewhere."""

    node: cst.Attribute
    module: str
    origin: ObjectName


@dataclass(frozen=True, slots=True)
class Suspect:
    """A method that legacy classes have, called on an object of unknown type."""

    node: cst.Call
    receiver: str
    method: str
    reshaped: bool = False  #: whether a rule gives calls of this method another form
    by_name: bool = False  #: the method is not called here, but taken by a string, as `getattr` does


class Uses:
    """The uses in one file.

    Args:
        source: the file.
        path: the file's path.
        tree: says what names mean.
    """

    def __init__(self, source: Source, path: str, tree: Tree) -> None:
        self._source = source
        self._path = path
        self._tree = tree
        self._own = tree.names.modules.name(path)

    @cached_property
    def found(self) -> tuple[ObjectUse | MemberUse | PassedOn | Suspect, ...]:
        """All uses, in source order."""
        return tuple(self._find())

    def meaning(self, node: cst.CSTNode) -> Meaning | None:
        """Return what an expression means; None: unknown."""
        text = dotted(node)
        if text is None or self._is_hidden(node):
            return None
        return self._tree.names.dotted(self._path, self._source.numbers[node], text)

    def is_legacy(self, meaning: Meaning | None) -> bool:
        """Return whether the meaning is defined by a legacy module other than this file."""
        return meaning is not None and meaning.module in self._tree.legacy and meaning.module != self._own

    def _find(self) -> Iterator[ObjectUse | MemberUse | PassedOn | Suspect]:
        for node in self._source.nodes():
            if isinstance(node, cst.Call):
                yield from self._taken_by_name(node)
            if isinstance(node, cst.Call) and (named := by_getattr(node)) is not None:
                yield from self._by_getattr(node, named[0])
            elif isinstance(node, cst.Name | cst.Attribute) and self._is_read(node):
                yield from self._by_name(node)

    def _taken_by_name(self, node: cst.Call) -> Iterator[Suspect]:
        if (dotted(node.func) or "").rpartition(".")[2] in _TAKE_BY_NAME:
            holder = self.meaning(node.args[0].value) if node.args else None
            for literal in (item.value for item in node.args if isinstance(item.value, cst.SimpleString)):
                if holder is None or holder.kind == "instance":
                    yield Suspect(node, self._source.code(node.args[0].value), str(literal.evaluated_value), by_name=True)

    def _by_getattr(self, node: cst.Call, named: cst.BaseExpression) -> Iterator[ObjectUse]:
        holder, meaning = self.meaning(named), self.meaning(node)
        if holder is not None and holder.kind == "module" and meaning is not None and meaning.kind == "object":
            yield from [ObjectUse(node, meaning)] if self.is_legacy(meaning) else []

    def _by_name(self, node: cst.Name | cst.Attribute) -> Iterator[ObjectUse | MemberUse | PassedOn | Suspect]:
        holder = self.meaning(node.value) if isinstance(node, cst.Attribute) else None
        if isinstance(node, cst.Attribute) and holder is not None and self.is_legacy(holder) and holder.kind == "instance":
            if (holder.module, holder.name) in self._tree.classes:
                yield MemberUse(node, holder, self.meaning(node))
            return
        meaning = self.meaning(node)
        if meaning is not None and meaning.kind == "object" and self.is_legacy(meaning):
            if not (self.is_legacy(holder) and holder is not None and holder.kind == "object"):
                yield ObjectUse(node, meaning)
        elif isinstance(node, cst.Attribute) and holder is not None and (origin := self._passed(node, holder)) is not None:
            yield PassedOn(node, holder.module, origin)
        elif isinstance(node, cst.Attribute) and is_unknown(self._tree, holder) and (suspect := self._suspect(node)) is not None:
            yield suspect

    def _suspect(self, node: cst.Attribute) -> Suspect | None:
        call, method = self._source.parent(node), node.attr.value
        if method not in self._tree.methods or not isinstance(call, cst.Call) or call.func is not node:
            return None
        receiver = self._source.code(node.value)
        return Suspect(call, receiver, method) if not self._is_foreign(node.value) else None

    def _passed(self, node: cst.Attribute, holder: Meaning) -> ObjectName | None:
        is_legacy = holder.kind == "module" and self.is_legacy(holder)
        return origin_of(self._tree.names, self._tree.legacy, holder.module, node.attr.value) if is_legacy else None

    def _is_foreign(self, node: cst.CSTNode) -> bool:
        """Return whether an expression begins with an import from outside the tree, with a literal, or with `self` or `cls`."""
        root = root_name(node)
        if root is None:
            return isinstance(node, cst.BaseString | cst.BaseNumber)
        if isinstance(node, cst.Name | cst.Call) and root.value in _SELVES:
            return True
        assignments = self._source.assignments(root)
        is_imported = bool(assignments) and all(item.kind == "import" and not self._is_of_tree(item.node) for item in assignments)
        return is_imported and not self._is_given(node)

    def _is_given(self, node: cst.CSTNode) -> bool:
        """Return whether a call in a dotted expression gets an argument, which it may return."""
        while not isinstance(node, cst.Name):
            if isinstance(node, cst.Call) and any(not isinstance(item.value, cst.BaseString | cst.BaseNumber) for item in node.args):
                return True
            inner = [child for child in self._source.children(node) if isinstance(child, cst.Name | cst.Attribute | cst.Call | cst.Await)]
            if not inner:
                return False
            node = inner[0]
        return False

    def _is_of_tree(self, node: cst.CSTNode | None) -> bool:
        if isinstance(node, cst.ImportFrom):
            module = dotted(node.module) or "" if node.module is not None else ""
            return bool(node.relative) or self._tree.names.modules.knows_top(module)
        return isinstance(node, cst.Import) and any(self._tree.names.modules.knows_top(dotted(alias.name) or "") for alias in node.names)

    def _is_read(self, node: cst.Name | cst.Attribute) -> bool:
        """Return whether a name is used as a value, and is not part of a longer word, a keyword, a target or an import."""
        parent = self._source.parent(node)
        match parent:
            case cst.Attribute(attr=other) | cst.Arg(keyword=other) | cst.NamedExpr(target=other) if other is node:
                return False
            case cst.Param(name=other) | cst.FunctionDef(name=other) | cst.ClassDef(name=other) if other is node:
                return False
            case cst.AssignTarget(target=other) | cst.AnnAssign(target=other) if other is node and isinstance(node, cst.Name):
                return False
        return not any(isinstance(around, cst.Import | cst.ImportFrom | cst.NameItem) for around in self._source.ancestors(node))

    def _is_hidden(self, node: cst.CSTNode) -> bool:
        """Return whether the first name belongs to a lambda or a comprehension, which the audit does not number as scopes."""
        root = root_name(node)
        owner = self._source.owner(root) if root is not None else None
        return owner is not None and isinstance(owner.node, ast.expr)


def is_unknown(tree: Tree, meaning: Meaning | None) -> bool:
    """Return whether the class of an object is not known: nothing is known of it, or only which variable it is."""
    if meaning is None:
        return True
    return meaning.kind == "object" and tree.names.class_of(meaning) is None and tree.names.function_of(meaning) is None


def call_fact(source: Source, call: cst.Call) -> CallFact:
    """Return the call as the audit describes calls."""
    plain = sum(argument.keyword is None and not argument.star for argument in call.args)
    keywords = tuple(argument.keyword.value for argument in call.args if argument.keyword is not None)
    return CallFact(source.line(call), 0, 0, dotted(call.func) or "", plain, keywords, any(argument.star for argument in call.args))
