"""Import statements of a file that bind names of a legacy module, and where the file uses each name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.passing import origin_of
from migration.consolidation.codemod.read.source import AnyImport, Binding, Source, dotted, root_name
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rules import ObjectName
from migration.consolidation.findings.meaning import Meaning


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """One name in an import statement that means a legacy module or an object of it."""

    statement: AnyImport
    alias: cst.ImportAlias
    local: str  #: the name in the file; for `import a.b.c` the whole dotted name
    given: str | None  #: the name after `as`; None: there is none
    module: str  #: the absolute name of the module that the statement names
    meaning: Meaning
    passed: ObjectName | None = None  #: the place where the object is defined, if the legacy module only imports it
    names: list[cst.Name] = field(default_factory=list)  #: the places in the file that may mean the imported object

    def shares(self, other: "Bound") -> bool:
        """Return whether some name in the file may mean this imported object or the other one."""
        return not {id(name) for name in self.names}.isdisjoint(id(name) for name in other.names)


@dataclass(frozen=True, slots=True)
class NameOrigin:
    """Where a name in the file comes from."""

    statement: AnyImport | None  #: None: the name is a variable, which keeps its name
    bound: Bound | None  #: None: the statement stays, because it imports a package or all names of a module
    nones: tuple[cst.Name, ...] = ()  #: assignments of None to the same name, as a fallback
    also: tuple[AnyImport, ...] = ()  #: other statements that import the same object by the same name, as in another branch


class Bindings:
    """The bindings of one file.

    Args:
        source: the file.
        path: the file's path.
        tree: says what names mean.
    """

    def __init__(self, source: Source, path: str, tree: Tree) -> None:
        self._source = source
        self._path = path
        self._tree = tree
        self.statements: Final = [node for node in source.nodes() if isinstance(node, cst.Import | cst.ImportFrom)]
        self.bound: Final = [bound for statement in self.statements for bound in self._bound(statement)]
        self.stars: Final = [
            node for node in self.statements if isinstance(node, cst.ImportFrom) and isinstance(node.names, cst.ImportStar)
        ]
        self._assign_names()

    def module_of(self, statement: cst.ImportFrom) -> str:
        """Return the absolute name of the module that the statement names."""
        name = dotted(statement.module) or "" if statement.module is not None else ""
        return self._tree.names.modules.absolute(self._path, len(statement.relative), name)

    def is_legacy_star(self, statement: AnyImport) -> bool:
        """Return whether the statement is a star import of a legacy module."""
        return statement in self.stars and isinstance(statement, cst.ImportFrom) and self.module_of(statement) in self._tree.legacy

    def alternatives(self, name: cst.Name) -> tuple[Bound, ...]:
        """Return the imported objects that a name may mean; () if something other than an import may also bind the name."""
        assignments = self._source.assignments(name)
        statements = {id(item.node) for item in assignments if item.kind == "import"}
        found = [bound for bound in self.bound if id(bound.statement) in statements and bound.local == name.value]
        are_all = len(found) == len(assignments) and all(bound.meaning.kind == "object" for bound in found)
        return tuple(found) if are_all else ()

    def of(self, root: cst.Name, text: str) -> Bound | None:
        """Return the import of the legacy module that a dotted name begins with; None: another statement may bind its first name too."""
        statements = {id(item.node) for item in self._source.assignments(root)}
        found = [bound for bound in self.bound if id(bound.statement) in statements and _reaches(text, bound.local)]
        return found[0] if len(found) == 1 and found[0].meaning.kind == "module" else None

    def holder(
        self, node: cst.Name | cst.Attribute | cst.Call, origin: NameOrigin, meaning: Callable[[cst.CSTNode], Meaning | None]
    ) -> str | None:
        """Return the module from which a name is taken as an attribute or by a star import; None: there is no such
        module, or it is a legacy module.
        """
        if isinstance(node, cst.Attribute):
            found = meaning(node.value)
            return found.module if found is not None and found.kind == "module" and found.module not in self._tree.legacy else None
        statement = origin.statement
        is_star = isinstance(statement, cst.ImportFrom) and origin.bound is None and not self.is_legacy_star(statement)
        return self.module_of(statement) if is_star and isinstance(statement, cst.ImportFrom) else None

    def holders(self, node: cst.Name | cst.Attribute | cst.Call, meaning: Callable[[cst.CSTNode], Meaning | None]) -> Iterator[str]:
        """Yield the modules, except legacy ones, from which a name of unknown origin may come."""
        whole: cst.CSTNode = node
        while isinstance(whole, cst.Attribute):
            whole = whole.value
            if (found := meaning(whole)) is not None and found.kind == "module" and found.module not in self._tree.legacy:
                yield found.module
        for item in self._source.assignments(whole) if isinstance(whole, cst.Name) else ():
            if isinstance(item.node, cst.ImportFrom) and (module := self.module_of(item.node)) not in self._tree.legacy:
                yield module
            elif isinstance(item.node, cst.Import) and isinstance(node, cst.Attribute):
                names = (self._tree.names.modules.absolute(self._path, 0, dotted(alias.name) or "") for alias in item.node.names)
                yield from (name for name in names if name not in self._tree.legacy)

    def origin(self, node: cst.Name | cst.Attribute | cst.Call, meaning: Meaning) -> NameOrigin | str:
        """Return where the name of a use comes from, or why that cannot be determined."""
        root, text = root_name(node), dotted(node) or ""
        if root is None or "()" in text:
            return "it is the result of a call; import it from its own module"
        assignments = self._source.assignments(root)
        imports = [item for item in assignments if item.kind == "import"]
        others = [item for item in assignments if item.kind != "import"]
        if not assignments:
            star = next((star for star in reversed(self.stars) if self._passes(star, root.value)), None)
            return NameOrigin(star, None) if star is not None else f"the origin of {root.value} cannot be determined"
        if not imports:
            return self._of_variable(root, others)
        nones = tuple(item.node for item in others if self._is_none(item) and isinstance(item.node, cst.Name))
        if len(nones) < len(others) or (nones and node is not root):
            return f"{root.value} is bound in more than one way; use a different name for each"
        return self._imported(root, text, imports, nones, meaning)

    def _of_variable(self, root: cst.Name, others: list[Binding]) -> NameOrigin | str:
        if any(self._passes(star, root.value) for star in self.stars):
            return f"{root.value} comes by a star and is bound again; use a different name for each"
        if len(others) > 1 and self._source.scopes.module.sites.get(root.value):
            return f"{root.value} is bound in more than one way; use a different name for each"
        if all(self._is_assigned(item) for item in others):
            return NameOrigin(None, None)
        return f"it is reached through {root.value}; import it from its own module"

    def _imported(
        self, root: cst.Name, text: str, imports: list[Binding], nones: tuple[cst.Name, ...], meaning: Meaning
    ) -> NameOrigin | str:
        statements = {id(item.node) for item in imports}
        candidates = [bound for bound in self.bound if id(bound.statement) in statements and _reaches(text, bound.local)]
        if len({bound.meaning for bound in candidates}) > 1:
            return f"{root.value} is imported from more than one module; keep one of them"
        if candidates:
            others = [item for item in imports if id(item.node) not in {id(bound.statement) for bound in candidates}]
            if any(not isinstance(item.node, cst.Import) for item in others):
                return f"{root.value} is imported from more than one module; keep one of them"
            also = tuple(bound.statement for bound in candidates[1:])
            return NameOrigin(candidates[0].statement, candidates[0], nones, also)
        statement = imports[0].node
        if not isinstance(statement, cst.Import | cst.ImportFrom) or meaning.kind != "object" or nones:
            return f"{root.value} is bound in more than one way; use a different name for each"
        return NameOrigin(statement, None)

    def _bound(self, statement: AnyImport) -> Iterator[Bound]:
        if isinstance(statement.names, cst.ImportStar):
            return
        for alias in statement.names:
            name = dotted(alias.name) or ""
            given = alias.asname.name.value if alias.asname is not None and isinstance(alias.asname.name, cst.Name) else None
            if isinstance(statement, cst.Import):
                module = self._tree.names.modules.absolute(self._path, 0, name)
                meaning = Meaning("module", module) if self._tree.names.modules.exists(module) else None
            else:
                module = self.module_of(statement)
                meaning = self._tree.names.member(module, name)
                passed = origin_of(self._tree.names, self._tree.legacy, module, name) if module in self._tree.legacy else None
                if passed is not None:
                    yield Bound(statement, alias, given or name, given, module, Meaning("object", module, name), passed)
                    continue
                if meaning is None and module in self._tree.legacy:
                    meaning = Meaning("object", module, name)  # a name that the module does not have
            if meaning is not None and meaning.module in self._tree.legacy and meaning.kind != "instance":
                yield Bound(statement, alias, given or name, given, module, meaning)

    def _assign_names(self) -> None:
        by_statement: dict[int, list[Bound]] = {}
        for bound in self.bound:
            by_statement.setdefault(id(bound.statement), []).append(bound)
        for node in self._source.nodes():
            if isinstance(node, cst.Name):
                for item in self._source.assignments(node):
                    for bound in by_statement.get(id(item.node), ()):
                        if node.value == bound.local.partition(".")[0] and not self._is_in_import(node):
                            bound.names.append(node)

    def _is_in_import(self, node: cst.Name) -> bool:
        return any(isinstance(ancestor, cst.Import | cst.ImportFrom) for ancestor in self._source.ancestors(node))

    def _passes(self, star: cst.ImportFrom, name: str) -> bool:
        return self._tree.names.member(self.module_of(star), name) is not None

    def _is_assigned(self, item: Binding) -> bool:
        around = self._source.parent(item.node) if item.kind == "name" and item.node is not None else None
        return isinstance(around, cst.AssignTarget | cst.AnnAssign | cst.NamedExpr)

    def _is_none(self, item: Binding) -> bool:
        around = self._source.parent(item.node) if item.kind == "name" and item.node is not None else None
        assign = self._source.parent(around) if isinstance(around, cst.AssignTarget) else around
        return isinstance(assign, cst.Assign | cst.AnnAssign) and isinstance(assign.value, cst.Name) and assign.value.value == "None"


def _reaches(text: str, local: str) -> bool:
    return text == local or text.startswith(local + ".")
