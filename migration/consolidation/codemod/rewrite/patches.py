"""Names that tests patch, by `patch("a.b.Class")`, `patch.object(module, "Class")` or `monkeypatch.setattr`, in any constant form."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.source import Source, dotted
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.rewrite.constants import constant_text, is_text
from migration.consolidation.findings.meaning import Meaning

_ASSERTIONS: Final = re.compile(
    r"\.assert_(?:called|awaited)\w*_with\(|\.assert_any_(?:call|await)\(|\.assert_has_(?:calls|awaits)\(|\bcall_args\b|\bcall_args_list\b"
    r"|\bmock_calls\b|\bmethod_calls\b"
)
_WORD: Final = re.compile(r"[^\W\d]\w*")
_SETTERS: Final = frozenset({"setattr", "delattr"})
_STAND_INS: Final = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "DEFAULT"})
_OPTIONS: Final = frozenset({"new", "spec", "create", "spec_set", "autospec", "new_callable", "raising"})


@dataclass(frozen=True, slots=True)
class Patched:
    """A name that a test patches."""

    node: cst.BaseExpression  #: the node that names the patched object
    holder: str  #: the module in which it is patched
    rest: tuple[str, ...]  #: the dotted names after the module's name
    meaning: Meaning  #: the legacy object that the first of these names means
    is_whole: bool  #: the node is one string literal with the whole dotted name
    is_name: bool  #: the node is one string literal with the name alone, after an expression for the module
    asserts_calls: bool  #: whether visible code checks the calls of the mock
    is_replaced: bool  #: whether the replacement is not a mock, and will be called in the new form
    words: frozenset[str]  #: all words of the code that can see the mock, some of which may be methods that it is given

    def text(self, module: str, name: str) -> str:
        """Return the text that the literal has for another module and name."""
        return ".".join([*([] if self.is_name else [module]), name, *self.rest[1:]])


@dataclass(frozen=True, slots=True)
class OpenPatch:
    """A patch of a name that cannot be determined."""

    node: cst.CSTNode
    words: frozenset[str]  #: the words in the code that names the patched object; one of them may be its name


class Patches:
    """The patches in one file.

    Args:
        source: the file.
        path: the file's path.
        tree: says what names mean.
        meaning: returns what an expression means.
    """

    def __init__(self, source: Source, path: str, tree: Tree, meaning: Callable[[cst.CSTNode], Meaning | None]) -> None:
        self._source = source
        self._path = path
        self._tree = tree
        self._meaning = meaning

    def find(self) -> Iterator[Patched | OpenPatch]:
        """Yield the patches of legacy objects, and patches whose name cannot be determined."""
        for node in self._source.nodes():
            if isinstance(node, cst.Call) and node.args and not any(argument.star for argument in node.args[:2]):
                callee = dotted(node.func) or ""
                last = callee.rpartition(".")[2]
                if last == "patch" or last in _SETTERS or callee.endswith("patch.dict"):
                    yield from self._patch(node, last)
                elif last == "object" and callee.endswith("patch.object"):
                    yield from self._member(node, node.args[0].value, self._argument(node, 1, "attribute"), 2)
                elif last == "multiple":
                    yield from self._multiple(node)

    def _patch(self, call: cst.Call, last: str) -> Iterator[Patched | OpenPatch]:
        first = call.args[0].value
        text = constant_text(self._source, first, self._meaning)
        if text is not None:
            if (found := self._named(text)) is not None:
                yield self._patched(call, first, found, replacement=1)
        elif last in _SETTERS and len(call.args) > 1 and not is_text(self._source, first):
            yield from self._member(call, first, self._argument(call, 1, "name"), 2)
        elif last != "dict":
            yield OpenPatch(call, self._words(first))

    def _member(
        self, call: cst.Call, holder: cst.BaseExpression, name: cst.BaseExpression | None, replacement: int
    ) -> Iterator[Patched | OpenPatch]:
        text = constant_text(self._source, name, self._meaning) if name is not None else None
        module = self._meaning(holder)
        if module is not None and module.kind != "module":
            return
        if name is None or text is None or module is None:
            yield OpenPatch(call, frozenset([text]) if text is not None else self._words(call))
            return
        meaning = self._tree.names.member(module.module, text)
        if meaning is not None and meaning.module in self._tree.legacy:
            yield self._patched(call, name, (module.module, (text,), meaning), replacement, is_name=True)

    def _multiple(self, call: cst.Call) -> Iterator[Patched | OpenPatch]:
        first = call.args[0].value
        text = constant_text(self._source, first, self._meaning)
        module = self._meaning(first)
        holder = text if text is not None else module.module if module is not None and module.kind == "module" else None
        for argument in call.args[1:]:
            if argument.keyword is None or argument.keyword.value in _OPTIONS:
                continue
            meaning = self._tree.names.member(holder, argument.keyword.value) if holder is not None else None
            if holder is None:
                yield OpenPatch(call, frozenset([argument.keyword.value]))
            elif meaning is not None and meaning.module in self._tree.legacy:
                yield Patched(
                    first,
                    holder,
                    (argument.keyword.value,),
                    meaning,
                    is_whole=False,
                    is_name=False,
                    asserts_calls=False,
                    is_replaced=False,
                    words=frozenset(),
                )

    def _named(self, text: str) -> tuple[str, tuple[str, ...], Meaning] | None:
        parts = text.split(".")
        modules = self._tree.names.modules
        length = next((length for length in range(len(parts) - 1, 0, -1) if modules.exists(".".join(parts[:length]))), 0)
        holder = ".".join(parts[:length])
        meaning = self._tree.names.member(holder, parts[length]) if length else None
        return (holder, tuple(parts[length:]), meaning) if meaning is not None and meaning.module in self._tree.legacy else None

    def _patched(
        self,
        call: cst.Call,
        node: cst.BaseExpression,
        found: tuple[str, tuple[str, ...], Meaning],
        replacement: int,
        *,
        is_name: bool = False,
    ) -> Patched:
        literal = isinstance(node, cst.SimpleString)
        given = self._argument(call, replacement, "new") or self._argument(call, replacement, "value")
        replaced = given is not None and not _is_stand_in(given)
        holder, rest, meaning = found
        seeing = self._seeing(call)
        return Patched(
            node,
            holder,
            rest,
            meaning,
            literal and not is_name,
            literal and is_name,
            seeing is None or _ASSERTIONS.search(seeing) is not None,
            replaced and len(rest) == 1,
            frozenset(_WORD.findall(seeing or "")),
        )

    def _argument(self, call: cst.Call, place: int, name: str) -> cst.BaseExpression | None:
        named = next((item.value for item in call.args if item.keyword is not None and item.keyword.value == name), None)
        by_place = call.args[place] if place < len(call.args) else None
        return named or (by_place.value if by_place is not None and by_place.keyword is None else None)

    def _words(self, node: cst.CSTNode) -> frozenset[str]:
        return frozenset(_WORD.findall(self._source.code(node)))

    def _seeing(self, call: cst.Call) -> str | None:
        """Return the code that may use the mock: the function or class that is decorated or contains the patch, or the whole file if the
        mock may be used outside of it; None: it is passed to other files.
        """
        around = next((item for item in self._source.ancestors(call) if isinstance(item, cst.FunctionDef | cst.ClassDef)), None)
        kept = any(
            isinstance(item, cst.Assign | cst.Return | cst.Yield | cst.AnnAssign | cst.NamedExpr) for item in self._source.ancestors(call)
        )
        is_fixture = isinstance(around, cst.FunctionDef) and (
            any("fixture" in self._source.code(item.decorator) for item in around.decorators)
            or around.name.value.startswith(("setUp", "setup_"))
        )
        if is_fixture and self._path.endswith("conftest.py"):
            return None  # the mock is passed to tests in other files
        searched = self._source.module if around is None or kept or is_fixture else around
        return self._source.module.code_for_node(searched)


def _is_stand_in(value: cst.BaseExpression) -> bool:
    callee = value.func if isinstance(value, cst.Call) else value
    name = dotted(callee) or ""
    return name.rpartition(".")[2] in _STAND_INS or name.startswith(("sentinel.", "mock.sentinel."))
