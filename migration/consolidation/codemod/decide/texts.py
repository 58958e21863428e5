"""Texts that follow the old class and cannot be rewritten: doctests, and names of modules that are looked up in `sys.modules`."""

from collections.abc import Callable, Iterator

from migration.consolidation.codemod.decide.groups import CodemodDecision, refused
from migration.consolidation.codemod.read.source import Source
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import ObjectUse, Uses
from migration.consolidation.codemod.rewrite.strings import asks_what_is_loaded, named_in_doctests


def refused_texts(source: Source, path: str, tree: Tree, uses: Uses, differs: Callable[[str], bool]) -> Iterator[CodemodDecision]:
    """Refuse a file if a doctest names a legacy class or a method of another form, or if the file asks whether a legacy module is loaded.

    Args:
        source: the file.
        path: the file's path.
        tree: says what names mean.
        uses: the file's uses of legacy modules.
        differs: returns whether the target has a method in another form, or not at all.
    """
    modules = sorted({use.meaning.module for use in uses.found if isinstance(use, ObjectUse)})
    for module in modules:
        if (loaded := asks_what_is_loaded(source, module)) is not None:
            yield refused(module, loaded, f"{module} is looked up among the loaded modules; look the target's module up")
    for line, text in named_in_doctests(source) if modules else ():
        meaning = tree.names.dotted(path, 0, text)
        is_class = uses.is_legacy(meaning) and meaning is not None and meaning.kind == "object"
        if is_class or differs(text.rpartition(".")[2]):
            yield from (refused(module, line, f"a doctest names {text}; write it for the target") for module in modules)
