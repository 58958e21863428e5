"""The interface of a class: methods with their signatures, and attributes. They show which calls work on the target unchanged."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import Problem
from migration.consolidation.reading.dotted import dotted_name
from migration.consolidation.reading.facts import CallFact, FunctionKind, Signature
from migration.consolidation.reading.signatures import misfit, read_function
from migration.consolidation.sources.workers import read_bytes

_MAKES_CONSTRUCTORS: Final = frozenset({"dataclass", "define", "frozen", "NamedTuple", "BaseModel", "Struct"})
_DUNDER_OF_ALL: Final = frozenset({"__class__", "__dict__", "__doc__", "__module__", "__name__", "__qualname__"})


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a class."""

    signature: Signature
    kind: FunctionKind
    is_async: bool


@dataclass(slots=True)
class Surface:
    """The interface of a class and its bases in the tree."""

    name: str
    methods: dict[str, Method] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)  #: attributes of the class and of its instances

    def has(self, name: str) -> bool:
        """Return whether an instance has an attribute or method of this name."""
        return name in self.methods or name in self.attributes or name in _DUNDER_OF_ALL


class Surfaces:
    """Knows what classes offer, and whether code for one class works with another.

    Args:
        root: the folder of the tree.
        names: the meaning of names in the tree.
        target: the class that stays, the target.
    """

    def __init__(self, root: Path, names: Names, target: Meaning) -> None:
        self._root = root
        self._names = names
        self._known: dict[Meaning, Surface] = {}
        self._target = target

    @cached_property
    def target(self) -> Surface:
        """The interface of the class that stays, the target."""
        return self.of(self._target)

    def of(self, meaning: Meaning) -> Surface:
        """Return the interface of a class, or of the class of an instance."""
        key = Meaning("object", meaning.module, meaning.name)
        if key not in self._known:
            surface = Surface(key.name)
            for base in self._names.bases(key):
                self._add(surface, base)
            self._known[key] = surface
        return self._known[key]

    def objection_to_call(self, legacy: Meaning, method: str, call: CallFact) -> str | None:
        """Return why a call of a legacy class's method does not work unchanged on the target; None: it works."""
        old, new = self.of(legacy).methods.get(method), self.target.methods.get(method)
        if new is None:
            return f"{self.target.name} has no method {method}"
        if old is None or old.is_async != new.is_async or old.kind != new.kind:
            return f"{self.target.name}.{method} has to be called in another way: one of the two is a coroutine or is not a plain method"
        if call.unpacks:
            return f"unpacked arguments hide what is passed to {method}"
        reason = misfit(new.signature, call)
        return f"{self.target.name}.{method} {reason}" if reason is not None else None

    def objection_to_attribute(self, legacy: Meaning, name: str) -> str | None:
        """Return why an attribute of a legacy class that is not called differs on the target; None: it is the same."""
        old, new = self.of(legacy).methods.get(name), self.target.methods.get(name)
        if not self.target.has(name):
            return f"{self.target.name} has no attribute {name}"
        if old is not None and old != new:
            return f"{name} has another signature on {self.target.name}"
        return None

    def are_made_alike(self, old: Meaning, new: Meaning) -> bool:
        """Return whether two classes take the same arguments: the same constructor, or the same fields of the same kind of class."""
        nodes = [self._node(meaning) for meaning in (old, new)]
        made = [_construction(node) for node in nodes if node is not None]
        return len(made) == len(nodes) and made[0] == made[1] and made[0] is not None

    def _add(self, surface: Surface, meaning: Meaning) -> None:
        node = self._node(meaning)
        for item in node.body if node is not None else ():
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                fact = read_function(item, in_class=True)
                is_async = isinstance(item, ast.AsyncFunctionDef)
                surface.methods.setdefault(item.name, Method(fact.signature, fact.kind, is_async))
        surface.attributes.update(_attributes(node) if node is not None else ())

    def _node(self, meaning: Meaning) -> ast.ClassDef | None:
        path = self._names.modules.path(meaning.module)
        data = read_bytes(self._root, path) if path is not None else None
        if data is None or isinstance(data, Problem):
            return None
        nodes = (node for node in ast.walk(ast.parse(data)) if isinstance(node, ast.ClassDef))
        return next((node for node in nodes if node.name == meaning.name), None)


def _construction(node: ast.ClassDef) -> str | None:
    """Return a text that is equal for classes with equal constructor arguments; None: the class does not define them itself."""
    made = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    if made is not None:
        return ast.dump(made.args)
    fields = [ast.dump(item) for item in node.body if isinstance(item, ast.AnnAssign)]
    around = [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    names = [(dotted_name(item) or "").removesuffix("()").rpartition(".")[2] for item in (*node.decorator_list, *node.bases)]
    # A name of any other base or decorator may mean something else in another module.
    is_known = bool(names) and all(name in _MAKES_CONSTRUCTORS for name in names)
    return "\n".join([*map(ast.dump, around), *fields]) if fields and is_known else None


def _attributes(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        targets = item.targets if isinstance(item, ast.Assign) else [item.target] if isinstance(item, ast.AnnAssign) else []
        yield from (target.id for target in targets if isinstance(target, ast.Name))
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
