"""State in implementations that several requests share, or that only grows because nothing is ever removed from it."""

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from migration.consolidation.inventory import SharedState, StateKind
from migration.consolidation.reading.dotted import dotted_name
from migration.consolidation.reading.signatures import AnyFunction

_CONTAINERS: Final = frozenset(
    {"list", "dict", "set", "bytearray", "defaultdict", "OrderedDict", "Counter", "deque", "WeakValueDictionary"}
)
#: Classes whose instances are immutable.
_HARMLESS: Final = frozenset({"TypeVar", "ParamSpec", "NewType", "Path", "PurePosixPath", "MappingProxyType", "Decimal", "ZoneInfo"})
_ADDS: Final = frozenset({"append", "add", "extend", "insert", "update", "setdefault", "appendleft"})
_REMOVES: Final = frozenset({"pop", "popitem", "popleft", "remove", "discard", "clear", "difference_update", "intersection_update"})
_CACHES: Final = frozenset({"cache", "lru_cache"})


def find_shared_state(data: bytes, path: str) -> tuple[SharedState, ...]:
    """Return the shared state in one file, by line; the file must be valid Python."""
    tree = ast.parse(data)
    nodes = list(ast.walk(tree))
    found = [*_of_module(tree, nodes, path), *_caches(nodes, path)]
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            found += [*_of_class(node, path), *_unbounded(node, path)]
    return tuple(sorted(found, key=lambda state: (state.line, state.name)))


def _of_module(tree: ast.Module, nodes: Sequence[ast.AST], path: str) -> Iterator[SharedState]:
    replaced = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    changed = _changed(nodes)
    for name, value, line, is_final in _assignments(tree.body):
        if name.startswith("__"):
            continue
        if name in replaced:
            yield _state(path, line, "singleton", name, "a function replaces it through `global`, for all users")
        elif (container := _container(value)) is not None:
            if not is_final or name in changed:
                how = ", changed by its functions" if name in changed else ""
                yield _state(path, line, "module", name, f"a {container} of the module{how}")
        elif (called := _instance(value)) is not None:
            yield _state(path, line, "singleton", name, f"one {called} for the whole process")


def _of_class(node: ast.ClassDef, path: str) -> Iterator[SharedState]:
    replaced = {
        target.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Assign | ast.AnnAssign | ast.AugAssign)
        for target in (inner.targets if isinstance(inner, ast.Assign) else [inner.target])
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in {"cls", node.name}
    }
    for name, value, line, _ in _assignments(node.body):
        full = f"{node.name}.{name}"
        if name in replaced:
            yield _state(path, line, "singleton", full, "it is replaced on the class, for all users")
        elif (container := _container(value)) is not None and not name.startswith("__"):
            yield _state(path, line, "class", full, f"a {container} of the class, shared by its instances")


def _unbounded(node: ast.ClassDef, path: str) -> Iterator[SharedState]:
    """Yield containers in instances that grow and never shrink."""
    containers = _instance_containers(node)
    grown: set[str] = set()
    shrunk: set[tuple[str, int]] = set()
    for inner in ast.walk(node) if containers else ():
        grown.update(_grown(inner))
        shrunk.update(_shrunk(inner))
    for name, (container, line) in containers.items():
        # The assignment that makes the container does not empty it.
        if name in grown and not any(other == name and at != line for other, at in shrunk):
            yield _state(path, line, "unbounded", f"{node.name}.{name}", f"a {container} that grows and is never trimmed")


def _instance_containers(node: ast.ClassDef) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name in {"__init__", "__post_init__", "initialize"}:
            for inner in ast.walk(method):
                if isinstance(inner, ast.Assign | ast.AnnAssign) and inner.value is not None:
                    target = inner.targets[0] if isinstance(inner, ast.Assign) else inner.target
                    container = _container(inner.value)
                    if container is not None and (name := _own(target)) is not None:
                        found[name] = (container, inner.lineno)
    return found


def _grown(node: ast.AST) -> Iterator[str]:
    """Yield the attributes of `self` that a node may add to."""
    match node:
        case ast.Call(func=ast.Attribute(attr=attribute, value=value)) if attribute in _ADDS:
            names = [_own(value)]
        case ast.Assign(targets=targets):
            names = [_own(target.value) for target in targets if _is_new_item(target) and isinstance(target, ast.Subscript)]
        case ast.AugAssign(target=ast.Subscript(value=value) as target) if _is_new_item(target):
            names = [_own(value)]
        case _:
            return
    yield from (name for name in names if name is not None)


def _is_new_item(target: ast.expr) -> bool:
    # A constant key is one entry, even if it is assigned many times.
    return isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Constant | ast.Slice)


def _shrunk(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the attributes of `self` that a node may remove items from or replace, with the line."""
    match node:
        case ast.Call(func=ast.Attribute(attr=attribute, value=value)) if attribute in _REMOVES:
            owners = [value]
        case ast.Delete(targets=targets):
            owners = [target.value for target in targets if isinstance(target, ast.Subscript)]
        case ast.Assign(targets=targets):
            owners = [
                target.value if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice) else target for target in targets
            ]
        case _:
            return
    yield from ((name, getattr(node, "lineno", 0)) for owner in owners if (name := _own(owner)) is not None)


def _own(node: ast.expr) -> str | None:
    """Return `name` for `self.name`."""
    return node.attr if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self" else None


def _caches(nodes: Sequence[ast.AST], path: str) -> Iterator[SharedState]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _cache(node, path)


def _cache(node: AnyFunction, path: str) -> Iterator[SharedState]:
    for decorator in node.decorator_list:
        name = (dotted_name(decorator) or "").removesuffix("()").rpartition(".")[2]
        if name in _CACHES and (node.args.args or node.args.kwonlyargs):
            limit = "" if name == "lru_cache" and not _says_none(decorator) else ", without a limit"
            yield _state(path, node.lineno, "cache", node.name, f"results are kept for all callers{limit}")


def _says_none(decorator: ast.expr) -> bool:
    given = (*decorator.args, *(keyword.value for keyword in decorator.keywords)) if isinstance(decorator, ast.Call) else ()
    return any(isinstance(value, ast.Constant) and value.value is None for value in given)


def _assignments(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr, int, bool]]:
    """Yield the names that a block assigns, with value, line, and whether the name is a constant by annotation or by upper case."""
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            annotation = ast.unparse(node.annotation)
            yield (
                node.target.id,
                node.value,
                node.lineno,
                "Final" in annotation or "ClassVar[tuple" in annotation or node.target.id.isupper(),
            )
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value, node.lineno, target.id.isupper()
        elif isinstance(node, ast.If | ast.Try):
            yield from _assignments(node.body)


def _container(value: ast.expr) -> str | None:
    """Return the kind of container that an expression makes; None: it makes none, or one with a limit."""
    if isinstance(value, ast.List | ast.ListComp):
        return "list"
    if isinstance(value, ast.Dict | ast.DictComp):
        return "dict"
    if isinstance(value, ast.Set | ast.SetComp):
        return "set"
    if not isinstance(value, ast.Call):
        return None
    name = (dotted_name(value.func) or "").rpartition(".")[2]
    has_limit = name == "deque" and (len(value.args) > 1 or any(keyword.arg == "maxlen" for keyword in value.keywords))
    return name if name in _CONTAINERS and not has_limit else None


def _instance(value: ast.expr) -> str | None:
    """Return the class that an expression makes an instance of; a called name with a capital counts as a class."""
    if not isinstance(value, ast.Call):
        return None
    name = (dotted_name(value.func) or "").rpartition(".")[2]
    return name if name[:1].isupper() and name not in _HARMLESS else None


def _changed(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Return the names of the containers that these nodes of a module change."""
    found = set()
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr=attribute, value=ast.Name(id=owner))) if attribute in _ADDS | _REMOVES:
                found.add(owner)
            case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store() | ast.Del()):
                found.add(owner)
    return frozenset(found)


def _state(path: str, line: int, kind: StateKind, name: str, detail: str) -> SharedState:
    return SharedState(path=path, line=line, kind=kind, name=name, detail=detail)
