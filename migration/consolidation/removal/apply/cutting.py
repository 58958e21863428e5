"""The parts of a remaining Python file that are removed too: imports, rows of tables and, in tests, the tests themselves."""

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from migration.consolidation.removal.apply.imports import Imported
from migration.consolidation.removal.apply.source import RemovalSource, elements, without
from migration.consolidation.removal.apply.used_names import Function, bound_names, is_fixture, is_test, target_names, used_names, walk
from migration.consolidation.removal.apply.values import Left

_LITERAL: Final = ast.List | ast.Tuple | ast.Set | ast.Dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The removed names for one file."""

    imports: tuple[Imported, ...] = ()  #: names whose modules or definitions are removed
    moved: Mapping[Imported, str] = field(default_factory=dict)  #: names -> dotted name of the module that has them now
    fixtures: frozenset[str] = frozenset()  #: removed fixtures of a `conftest.py`
    strings: Callable[[str], bool] = lambda _text: False  #: returns whether a string names something that is removed


@dataclass(frozen=True, slots=True, kw_only=True)
class CutFile:
    """A file after the cut."""

    data: bytes
    lost: frozenset[str]  #: names that its top level no longer binds
    fixtures: frozenset[str]  #: the lost names that were fixtures
    idle: bool  #: the file had tests or fixtures and has none left
    left: tuple[Left, ...]


class Cutting:
    """Cuts one file.

    Args:
        path: the file's path.
        source: the file, without its marked regions.
        used_before: names that the file used before the cut. Only an import of such a name is removed when it becomes unused.
        loss: the removed names.
        test: True: tests that need removed names are cut too; False: only imports and rows are.
    """

    def __init__(self, path: str, source: RemovalSource, used_before: Collection[str], loss: Loss, *, test: bool) -> None:
        self._path = path
        self._source = source
        self._used_before = used_before
        self._loss = loss
        self._test = test
        self._cut: set[ast.AST] = set()  # statements, imported names and elements of literals
        self._rows: dict[ast.AST, set[ast.AST]] = {}
        self._gone: set[str] = set()
        self._fixtures = set(loss.fixtures)
        self._left: dict[tuple[int, str], None] = {}

    def run(self) -> CutFile:
        """Return the file without the parts that need removed names."""
        module = self._source.module
        for item in self._loss.imports:
            self._import(item)
        while self._step():
            pass
        self._unused()
        statements = self._statements()
        left = tuple(Left(path=self._path, line=line, advice=advice) for line, advice in self._left)
        lost = bound_names(module) - bound_names(module, self._cut)
        moved = self._moved(without(self._source, statements, self._rows))
        tests = self._tests()
        idle = self._test and bool(tests) and all(node in self._cut for node in tests)
        fixtures = {node.name for node in module.body if isinstance(node, Function) and is_fixture(node) and node in self._cut}
        return CutFile(data=moved, lost=frozenset(lost), fixtures=frozenset(fixtures), idle=idle, left=left)

    def _tests(self) -> list[ast.stmt]:
        """Return the statements that are the purpose of the file: its tests, or the fixtures of a `conftest.py`."""
        body = self._source.module.body
        if self._path.endswith("conftest.py"):
            return [node for node in body if is_fixture(node)]
        # `TestIt = Machine.TestCase` is a test too.
        named = [node for node in body if isinstance(node, ast.Assign) and any(name.startswith("Test") for name in target_names(node))]
        return [node for node in body if is_test(node)] + named

    def _import(self, item: Imported) -> None:
        if item.name == "*":
            self._leave(item.statement, "a star import of a module that is removed; import the remaining names one by one")
            return
        self._cut.add(item.alias)
        self._rows.setdefault(item.statement, set()).add(item.alias)
        inside = any(isinstance(holder, Function) for holder in self._source.holders(item.statement))
        if self._test and inside:
            self._cut_owner(item.statement)
        else:
            self._gone.add(item.local)

    def _step(self) -> bool:
        before = len(self._cut)
        for node in list(self._uses()):
            if any(holder in self._cut for holder in (node, *self._source.holders(node))):
                continue
            if (row := self._row_of(node)) is not None:
                self._cut_row(*row)
            elif self._test:
                self._cut_owner(node)
            else:
                self._leave(node, f"`{ast.unparse(node)}` is removed; decide what replaces it")
        return len(self._cut) > before

    def _uses(self) -> Iterator[ast.AST]:
        dotted = {name for name in self._gone if "." in name}
        exports = {
            id(element) for holder in ast.walk(self._source.module) if _is_export(holder, self._source) for element, _ in elements(holder)
        }
        for node in walk(self._source.module, self._cut):
            match node:
                case ast.Name(id=name, ctx=ast.Load()) if name in self._gone:
                    yield node
                case ast.Attribute() if dotted and ast.unparse(node) in dotted:
                    yield node
                case ast.arg(arg=name) if self._test and name in self._fixtures and not self._is_defined_here(node, name):
                    yield node
                case ast.Constant(value=str(text)) if (id(node) in exports and text in self._gone) or (
                    self._test and self._says(node, text)
                ):
                    yield node

    def _says(self, node: ast.Constant, text: str) -> bool:
        """Return whether a string of a test requests a removed fixture or names another removed object; prose does not count."""
        holder = next(self._source.holders(node), None)
        if text in self._fixtures and isinstance(holder, ast.Call):
            return ast.unparse(holder.func).endswith(("usefixtures", "getfixturevalue"))
        return not isinstance(holder, ast.Expr) and self._loss.strings(text)

    def _is_defined_here(self, node: ast.arg, name: str) -> bool:
        """Return whether the parameter's function is not called by pytest, or the file itself has a fixture of that name."""
        owner = next((holder for holder in self._source.holders(node) if isinstance(holder, Function | ast.Lambda)), None)
        if owner is None or not (is_test(owner) or is_fixture(owner)):
            return True
        own = [item for item in self._source.module.body if isinstance(item, Function) and item.name == name and item not in self._cut]
        return any(is_fixture(item) and item is not owner for item in own)

    def _row_of(self, node: ast.AST) -> tuple[ast.AST, ast.AST] | None:
        """Return the outermost literal around a node, and its element that contains the node; None: the literal may not lose rows."""
        found: tuple[ast.AST, ast.AST] | None = None
        inner = node
        for holder in self._source.holders(node):
            if isinstance(holder, _LITERAL):
                element = next((last for first, last in elements(holder) if inner in (first, last)), None)
                found = (holder, element) if element is not None else found
            elif isinstance(holder, ast.stmt):
                inside = [up for up in self._source.holders(holder) if isinstance(up, Function)]
                if isinstance(holder, ast.Assign | ast.AnnAssign):
                    return found if not inside else None
                decorated = isinstance(holder, Function | ast.ClassDef) and inner in holder.decorator_list
                return found if self._test and decorated else None
            inner = holder
        return None

    def _cut_row(self, holder: ast.AST, element: ast.AST) -> None:
        self._cut.add(element)
        rows = self._rows.setdefault(holder, set())
        rows.add(element)
        keys = {last: first for first, last in elements(holder)}
        self._cut.add(keys[element])
        self._cut_id(holder, list(keys).index(element), len(keys))
        if len(rows) == len(keys) and (self._test or _is_export(holder, self._source)):
            self._cut_owner(holder)

    def _cut_id(self, holder: ast.AST, index: int, rows: int) -> None:
        """Cut the entry in `ids` that names a row of parameters for pytest."""
        call = next((up for up in self._source.holders(holder) if not isinstance(up, ast.keyword)), None)
        named = [keyword.value for keyword in call.keywords if keyword.arg == "ids"] if isinstance(call, ast.Call) else []
        for ids in named:
            if ids is not holder and isinstance(ids, ast.List | ast.Tuple) and len(ids.elts) == rows:
                self._cut.add(ids.elts[index])
                self._rows.setdefault(ids, set()).add(ids.elts[index])

    def _cut_owner(self, node: ast.AST) -> None:
        """Cut the test, the test method, or the definition in a test file that contains a node."""
        chain = [node, *self._source.holders(node)]
        top = chain[-2] if len(chain) > 1 else node
        if isinstance(top, ast.ClassDef) and is_test(top) and len(chain) > 2 and isinstance(chain[-3], Function):  # noqa: PLR2004 - node, class, file
            self._cut.add(chain[-3])
            return
        names = bound_names(ast.Module(body=[top], type_ignores=[])) if isinstance(top, ast.stmt) else set()
        if isinstance(top, Function | ast.ClassDef | ast.Assign | ast.AnnAssign) and names:
            self._cut.add(top)
            self._gone |= names
            if is_fixture(top):
                self._fixtures |= names
        else:
            self._leave(
                node, f"`{ast.unparse(node).splitlines()[0]}` is removed; decide what replaces it, or which tests are removed with it"
            )

    def _unused(self) -> None:
        """Cut the imports that only the cut parts needed and, in a test file, the definitions that only the cut parts needed."""
        module = self._source.module
        exports = [element for holder in ast.walk(module) if _is_export(holder, self._source) for element, _ in elements(holder)]
        exported = {str(element.value) for element in exports if isinstance(element, ast.Constant)}
        changed = True
        while changed:
            used = used_names(module, self._cut) | exported
            changed = False
            for node in list(walk(module, self._cut)):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for alias in node.names:
                        name = (alias.asname or alias.name).partition(".")[0]
                        if alias not in self._cut and name in self._used_before and name not in used:
                            self._cut.add(alias)
                            self._rows.setdefault(node, set()).add(alias)
                elif self._test and node in module.body and self._is_idle(node, used):
                    self._cut.add(node)
                    changed = True

    def _is_idle(self, node: ast.AST, used: Collection[str]) -> bool:
        if is_test(node) or not isinstance(node, Function | ast.ClassDef | ast.Assign | ast.AnnAssign):
            return False
        if is_fixture(node) and (self._path.endswith("conftest.py") or "autouse" in ast.unparse(node.decorator_list[0])):  # type: ignore[union-attr]  # a fixture has decorators
            return False
        own = bound_names(ast.Module(body=[node], type_ignores=[]))
        return bool(own) and own <= set(self._used_before) and own.isdisjoint(used)

    def _statements(self) -> list[ast.stmt]:
        """Return the statements to cut, including imports with no names left and blocks with no statements left."""
        for statement, aliases in self._rows.items():
            if isinstance(statement, ast.Import | ast.ImportFrom) and len(aliases) == len(statement.names):
                self._cut.add(statement)
        for node in reversed(list(ast.walk(self._source.module))):
            body = getattr(node, "body", None)
            if not isinstance(body, list) or node in self._cut or isinstance(node, ast.Module):
                continue
            rest = [
                item for item in body if item not in self._cut and not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
            ]
            if rest or not any(item in self._cut for item in body):
                continue
            if (isinstance(node, ast.If) and not node.orelse) or (isinstance(node, ast.ClassDef) and is_test(node)):
                self._cut.add(node)
            else:
                self._leave(node, "this block would be empty; decide what replaces it")
        cut = [node for node in self._cut if isinstance(node, ast.stmt)]
        for holder in [holder for holder in self._rows if any(up in self._cut for up in (holder, *self._source.holders(holder)))]:
            del self._rows[holder]
        return cut

    def _moved(self, data: bytes) -> bytes:
        for item, new in self._loss.moved.items():
            statement = item.statement
            if isinstance(statement, ast.ImportFrom) and statement.module:
                data = data.replace(f"from {statement.module} import".encode(), f"from {new} import".encode())
        return data

    def _leave(self, node: ast.AST, advice: str) -> None:
        self._left[getattr(node, "lineno", 0), advice] = None


def _is_export(node: ast.AST, source: RemovalSource) -> bool:
    if not isinstance(node, ast.List | ast.Tuple):
        return False
    statement = next(source.holders(node), None)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
