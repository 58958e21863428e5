"""Strings that name legacy objects and are rewritten with the code: imports by a literal, `__all__`, quoted annotations, `# type:`."""

import ast
import builtins
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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

_BUILTINS: Final = frozenset(dir(builtins))
_SPACES: Final = re.compile(r"(?:globals|vars|locals)\(.*?\)\s*(?:\[|\.(?:get|pop|setdefault)\()", re.DOTALL)
_DOTTED: Final = re.compile(r"(?<![\w])(?:[^\W\d]|\.)[\w.]*")
_TYPE_COMMENT: Final = re.compile(r"#\s*type:\s*(?!ignore)")


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


def unknown_export(source: Source, name: str) -> int | None:
    """Return the line on which `__all__` gets a name in a form that cannot be rewritten; None: there is no such line."""
    known = {id(element.value) for node in source.nodes() if (value := _exported(node)) is not None for element in value.elements}
    for node in source.nodes():
        if isinstance(node, cst.SimpleString) and node.evaluated_value == name and id(node) not in known:
            line = source.statement(node)
            if any(isinstance(item, cst.Name) and item.value == "__all__" for item in _below(source, line)):
                return source.line(node)
    return None


def named_in_all(source: Source, name: str) -> int | None:
    """Return the line on which a string with this name is in a statement about `__all__`, or `__all__` is computed; None: there is none."""
    for node in source.nodes():
        if isinstance(node, cst.SimpleString) and node.evaluated_value == name:
            line = source.statement(node)
            if any(isinstance(item, cst.Name) and item.value == "__all__" for item in _below(source, line)):
                return source.line(node)
    return computed_export(source)


def computed_export(source: Source) -> int | None:
    """Return the line on which `__all__` gets names from a variable or an object, so they are not visible; None: no such line.

    The `__all__` of another module contains names of that module, and `globals()` or `dir()` follow the code.
    """
    for node in source.nodes():
        for value in _export_values(node):
            made_here = {
                item.target.value for item in _below(source, value) if isinstance(item, cst.CompFor) and isinstance(item.target, cst.Name)
            }
            for item in _below(source, value):
                if isinstance(item, cst.Name) and item.value not in made_here | _BUILTINS and not _is_plain_part(source, item):
                    return source.line(item)
    return None


def unknown_uses(source: Source, name: str) -> int | None:
    """Return the line on which a string takes a name out of `globals()`, `vars()` or `locals()`, or a doctest uses it; None: none does."""
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    for node in source.nodes():
        if not isinstance(node, cst.SimpleString) or not isinstance(text := node.evaluated_value, str):
            continue
        if ">>>" in text and word.search(text):
            return source.line(node)
        if text == name and any(
            isinstance(item, cst.Subscript | cst.Call) and _SPACES.match(source.code(item)) for item in source.ancestors(node)
        ):
            return source.line(node)
    return None


def asks_what_is_loaded(source: Source, module: str) -> int | None:
    """Return the line of a string with the module's name, in a file that uses `sys.modules`; None: there is none."""
    strings = (node for node in source.nodes() if isinstance(node, cst.SimpleString) and node.evaluated_value == module)
    node = next(strings, None) if b"sys.modules" in source.text else None
    return source.line(node) if node is not None else None


def named_in_doctests(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the line of each string with a doctest, with each dotted name in its examples."""
    for node in source.nodes():
        if isinstance(node, cst.SimpleString) and isinstance(text := node.evaluated_value, str) and ">>>" in text:
            examples = "\n".join(line for line in text.splitlines() if line.lstrip().startswith((">>>", "...")))
            yield from ((source.line(node), name.strip(".")) for name in _DOTTED.findall(examples))


def _below(source: Source, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in source.children(node):
        yield from _below(source, child)


def rename_in_quotes(source: Source, names: Mapping[str, str]) -> Iterator[Edit]:
    """Yield the edits of annotations in quotes. `names`: the new name of each old name."""
    if not names:
        return
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, names))})(?!\w)")
    for node in source.nodes():
        is_type = isinstance(node, cst.Comment) and _TYPE_COMMENT.match(node.value) is not None
        if is_type or (isinstance(node, cst.SimpleString) and _is_annotation(source, node)):
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


def _export_values(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """Return the expressions that `__all__` gets names from in this node."""
    match node:
        case cst.Assign(targets=targets, value=value) if any(_is_all(item.target) for item in targets):
            return (value,)
        case cst.AnnAssign(target=target, value=cst.BaseExpression() as value) | cst.AugAssign(target=target, value=value) if _is_all(
            target
        ):
            return (value,)
        case cst.Call(func=cst.Attribute(value=owner), args=arguments) if _is_all(owner):
            return [item.value for item in arguments]
        case _:
            return ()


def _is_all(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value == "__all__"


def _is_plain_part(source: Source, name: cst.Name) -> bool:
    """Return whether a name stands for nothing of its own (attribute, keyword), or for a module whose `__all__` is taken."""
    if _is_all(name):
        return True
    parent = source.parent(name)
    if (isinstance(parent, cst.Attribute) and parent.attr is name) or (isinstance(parent, cst.Arg) and parent.keyword is name):
        return True
    whole: cst.CSTNode = name
    while isinstance(parent, cst.Attribute) and parent.value is whole:
        whole, parent = parent, source.parent(parent)
    return isinstance(whole, cst.Attribute) and _is_all(whole.attr)


def _is_annotation(source: Source, node: cst.SimpleString) -> bool:
    for ancestor in source.ancestors(node):
        if isinstance(ancestor, cst.Subscript) and (dotted(ancestor.value) or "").rpartition(".")[2] == "Literal":
            return False
        if isinstance(ancestor, cst.Annotation):
            return True
        if isinstance(ancestor, cst.Call):
            return (dotted(ancestor.func) or "").rpartition(".")[2] in {"cast", "TypeVar"}
    return False
