"""Strings that name legacy objects and are rewritten with the code: arguments of `patch`, imports by a literal, `__all__`, quoted
annotations.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import libcst as cst

from migration.consolidation.codemod.follow.partials import others_of
from migration.consolidation.codemod.read.inference import literal_import
from migration.consolidation.codemod.read.source import Source, dotted
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rewrite.edits import Edit
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning

_ASSERTIONS: Final = re.compile(
    r"\.assert_(?:called|awaited)\w*_with\(|\.assert_any_(?:call|await)\(|\.assert_has_(?:calls|awaits)\(|\bcall_args\b"
)


@dataclass(frozen=True, slots=True)
class Patched:
    """A string that is an argument of `patch`."""

    node: cst.SimpleString
    holder: str  #: the module in the string
    rest: tuple[str, ...]  #: the names below the module
    meaning: Meaning  #: the legacy object that the first of these names means
    asserts_calls: bool  #: the function around the patch checks the calls of the mock


@dataclass(frozen=True, slots=True)
class ImportedByLiteral:
    """A call that imports a legacy module, or an object of it, by a string."""

    call: cst.Call
    literal: cst.SimpleString
    meaning: Meaning
    held: cst.Name | None  #: the variable that the result is assigned to; None: it is used in another way
    is_shared: bool  #: the literal is in a variable that is also used for something else

    def edits(self, source: Source, successor: ObjectName, renamed: Callable[[str], str | None]) -> Iterator[Edit]:
        """Yield the edits after which the call imports the successor. A relative literal stays relative if possible.

        Args:
            source: the file.
            successor: the object to import; its name is "" for a whole module.
            renamed: returns the new name of a class of the old module.
        """
        old = str(self.literal.evaluated_value)
        level = len(old) - len(old.lstrip("."))
        package = self.meaning.module.removesuffix(old.lstrip(".")) if level else ""
        new = "." * level + successor.module.removeprefix(package) if level and successor.module.startswith(package) else successor.module
        if self.meaning.kind == "object":
            new += f"{':' if ':' in old else '.'}{successor.name}"
        yield Edit(source.bare_span(self.literal), (requote(self.literal, new),))
        names = next((item.value for item in self.call.args if item.keyword is not None and item.keyword.value == "fromlist"), None)
        for element in names.elements if isinstance(names, cst.List | cst.Tuple) else ():
            literal = element.value
            if isinstance(literal, cst.SimpleString) and (name := renamed(str(literal.evaluated_value))) is not None:
                yield Edit(source.bare_span(literal), (requote(literal, name),))


def find_patches(source: Source, tree: Tree) -> Iterator[Patched]:
    """Yield the strings given to `patch` and similar functions that name a legacy object."""
    for node in source.nodes():
        if not isinstance(node, cst.SimpleString) or not _is_patched(source, node) or not isinstance(value := node.evaluated_value, str):
            continue
        parts = value.split(".")
        length = next((length for length in range(len(parts) - 1, 0, -1) if tree.names.modules.exists(".".join(parts[:length]))), 0)
        holder = ".".join(parts[:length])
        meaning = tree.names.member(holder, parts[length]) if length else None
        if meaning is not None and meaning.module in tree.legacy:
            yield Patched(node, holder, tuple(parts[length:]), meaning, _asserts_calls(source, node))


def find_literal_imports(source: Source, tree: Tree) -> Iterator[ImportedByLiteral]:
    """Yield the calls that import a legacy module by a string literal, or by a variable that holds one."""
    for node in source.nodes():
        literal = _literal(source, node.args[0].value) if isinstance(node, cst.Call) and node.args else None
        if not isinstance(node, cst.Call) or literal is None:
            continue
        parsed = ast.parse(source.code(node), mode="eval").body
        if isinstance(parsed, ast.Call) and parsed.args:
            parsed.args[0] = ast.Constant(literal.evaluated_value)
        text = literal_import(parsed) if isinstance(parsed, ast.Call) else None
        meaning = tree.names.object_named(None, text) if text is not None else None
        if meaning is not None and meaning.module in tree.legacy:
            parent = source.parent(node)
            target = parent.targets[0].target if isinstance(parent, cst.Assign) and len(parent.targets) == 1 else None
            shared = _is_shared(source, node.args[0].value)
            yield ImportedByLiteral(node, literal, meaning, target if isinstance(target, cst.Name) else None, shared)


def _literal(source: Source, value: cst.BaseExpression) -> cst.SimpleString | None:
    """Return the literal, or the literal that is the only value of a variable; None: it is neither."""
    assign = _assigned(source, value) if isinstance(value, cst.Name) else None
    found = assign.value if assign is not None else value
    return found if isinstance(found, cst.SimpleString) else None


def _is_shared(source: Source, value: cst.BaseExpression) -> bool:
    """Return whether a variable's text may be used for anything other than importing what it names."""
    assign = _assigned(source, value) if isinstance(value, cst.Name) else None
    if assign is None:
        return False
    calls = [source.parent(source.parent(use)) for use in others_of(source, cst.ensure_type(assign.targets[0].target, cst.Name))]
    imported = [isinstance(call, cst.Call) and (dotted(call.func) or "").rpartition(".")[2] == "import_module" for call in calls]
    return source.is_top_level(assign) or not all(imported)


def _assigned(source: Source, name: cst.Name) -> cst.Assign | None:
    """Return the only assignment of a variable; None: there is none, or more than one."""
    bound = source.assignments(name)
    node = bound[0].node if len(bound) == 1 and bound[0].kind == "name" else None
    assign = source.parent(source.parent(node)) if node is not None else None
    is_plain = isinstance(assign, cst.Assign) and len(assign.targets) == 1 and isinstance(assign.targets[0].target, cst.Name)
    return assign if isinstance(assign, cst.Assign) and is_plain else None


def requote(node: cst.SimpleString, value: str) -> str:
    """Return a literal of the value with the prefix and quotes of the old literal."""
    return f"{node.prefix}{node.quote}{value}{node.quote}"


def rename_exports(source: Source, names: Mapping[str, str | None]) -> Iterator[Edit]:
    """Yield the edits of `__all__`.

    Args:
        source: the file.
        names: the new name of each old name; None: it is removed.
    """
    for node in source.nodes():
        value = _exported(node)
        if value is None:
            continue
        elements = [item for item in value.elements if isinstance(item.value, cst.SimpleString)]
        there = {item.value.evaluated_value for item in elements if isinstance(item.value, cst.SimpleString)} - set(names)
        kept: list[bool] = []
        for item in elements:
            literal = item.value
            old = literal.evaluated_value if isinstance(literal, cst.SimpleString) else ""
            new = names.get(old, old) if isinstance(old, str) else old
            goes = isinstance(old, str) and old in names and (new is None or new in there)
            kept.append(not goes)
            if not goes and new != old and isinstance(literal, cst.SimpleString) and isinstance(new, str):
                there.add(new)
                yield Edit(source.span(literal), (requote(literal, new),))
        yield from _without(source, elements, kept)


def rename_in_quotes(source: Source, names: Mapping[str, str]) -> Iterator[Edit]:
    """Yield the edits of annotations in quotes. `names`: the new name of each old name."""
    if not names:
        return
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, names))})(?!\w)")
    for node in source.nodes():
        if isinstance(node, cst.SimpleString) and _is_annotation(source, node):
            text = source.code(node)
            if (new := pattern.sub(lambda match: names[match.group()], text)) != text:
                yield Edit(source.bare_span(node), (new,))


def _without(source: Source, elements: list[cst.BaseElement], kept: list[bool]) -> Iterator[Edit]:
    """Yield the edits that remove elements, each with its comma."""
    spans = [source.span(item.value) for item in elements]
    for index, stays in enumerate(kept):
        if stays:
            continue
        following = next((later for later in range(index + 1, len(kept)) if kept[later]), None)
        before = next((earlier for earlier in range(index - 1, -1, -1) if kept[earlier]), None)
        if following is not None:
            yield Edit((spans[index][0], spans[following][0]), ())
        elif before is not None:
            yield Edit((spans[before][1], spans[-1][1]), ())
        else:
            yield Edit((spans[0][0], spans[-1][1]), ())


def _exported(node: cst.CSTNode) -> cst.List | cst.Tuple | None:
    match node:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value="__all__"))], value=cst.List() | cst.Tuple() as value):
            return value
        case cst.AnnAssign(target=cst.Name(value="__all__"), value=cst.List() | cst.Tuple() as value):
            return value
        case cst.AugAssign(target=cst.Name(value="__all__"), value=cst.List() | cst.Tuple() as value):
            return value
        case _:
            return None


def _is_patched(source: Source, node: cst.SimpleString) -> bool:
    argument = source.parent(node)
    call = source.parent(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call) or call.args[0] is not argument:
        return False
    name = dotted(call.func) or ""
    return name.rpartition(".")[2] in {"patch", "setattr", "delattr", "multiple"} or name.endswith("patch.dict")


def _asserts_calls(source: Source, node: cst.CSTNode) -> bool:
    around = next((item for item in source.ancestors(node) if isinstance(item, cst.FunctionDef)), source.module)
    return _ASSERTIONS.search(source.module.code_for_node(around)) is not None


def _is_annotation(source: Source, node: cst.SimpleString) -> bool:
    for ancestor in source.ancestors(node):
        if isinstance(ancestor, cst.Annotation):
            return True
        if isinstance(ancestor, cst.Call):
            return (dotted(ancestor.func) or "").rpartition(".")[2] in {"cast", "TypeVar"}
    return False
