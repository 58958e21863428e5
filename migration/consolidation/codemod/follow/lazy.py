"""Tables that a module-level `__getattr__` looks names up in: `{"Name": ("module", "attribute")}`. Like imports, they re-export names."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from migration.consolidation.codemod.read.source import Source
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.findings.meaning import Meaning


@dataclass(frozen=True, slots=True)
class LazyEntry:
    """An entry that names a legacy module."""

    key: cst.SimpleString
    module: cst.SimpleString
    attribute: cst.SimpleString
    meaning: Meaning
    beside: frozenset[str]  #: all names of the table

    @property
    def name(self) -> str:
        """The name that other files import."""
        return str(self.key.evaluated_value)


def find_lazy_entries(source: Source, path: str, tree: Tree) -> Iterator[LazyEntry]:
    """Yield the entries of the file's tables that name a legacy module. An entry with a relative module name does not count."""
    if not tree.facts[path].lazy:
        return
    own = tree.names.modules.name(path)
    for node in source.nodes():
        if not isinstance(node, cst.Assign) or not source.is_top_level(node) or not isinstance(node.value, cst.Dict):
            continue
        elements = [element for element in node.value.elements if isinstance(element, cst.DictElement)]
        keys = frozenset(str(item.key.evaluated_value) for item in elements if isinstance(item.key, cst.SimpleString))
        for element in elements:
            literals = _literals(element)
            if literals is None or str(literals[1].evaluated_value).startswith("."):
                continue
            meaning = tree.names.member(own, str(literals[0].evaluated_value))
            if meaning is not None and meaning.module in tree.legacy:
                yield LazyEntry(*literals, meaning, keys)


def _literals(element: cst.DictElement) -> tuple[cst.SimpleString, cst.SimpleString, cst.SimpleString] | None:
    """Return the name, the module and the attribute of an entry; None: the entry has another form."""
    if not isinstance(element.key, cst.SimpleString) or not isinstance(element.value, cst.Tuple | cst.List):
        return None
    parts = [item.value for item in element.value.elements]
    if len(parts) == len(("module", "attribute")) and isinstance(parts[0], cst.SimpleString) and isinstance(parts[1], cst.SimpleString):
        return element.key, parts[0], parts[1]
    return None
