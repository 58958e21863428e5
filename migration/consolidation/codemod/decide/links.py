"""Which groups of different files depend on each other: if one stays as it is, the others do too."""

from collections.abc import Iterator, Mapping
from typing import Final

from migration.consolidation.codemod.decide.analysis import Analyser
from migration.consolidation.codemod.decide.groups import Analysis, Group, Refusal
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import Suspect, call_fact
from migration.consolidation.findings.meaning import Meaning

_MOST_STEPS: Final = 20  #: so many re-exports in a chain are followed


class Links:
    """The links between the files of one tree.

    Args:
        analyser: analyses the files of the tree.
        analyses: the analysis of each file, by path.
    """

    def __init__(self, analyser: Analyser, analyses: Mapping[str, Analysis]) -> None:
        self._analyser = analyser
        self._tree: Tree = analyser.tree
        self._analyses = analyses
        self._neighbours = {path: frozenset(self._imported_from(path)) for path in analyses}

    def suspicions(self) -> dict[str, list[Refusal]]:
        """Return, by file, the calls in a form that only legacy classes accept, on objects of unknown type."""
        found: dict[str, list[Refusal]] = {}
        for path, analysis in self._analyses.items():
            for suspect in analysis.suspects:
                if (objection := self._objection(analysis, suspect)) is not None:
                    advice = f"the type of {suspect.receiver} is not known; if it is such an engine: {objection}"
                    found.setdefault(path, []).append(Refusal(analysis.source.line(suspect.node), advice))
        return found

    def spread(self, suspicions: Mapping[str, list[Refusal]]) -> None:
        """Refuse groups in and next to files with suspicious calls, and then everything that depends on a refused group."""
        for path, refusals in suspicions.items():
            for other, analysis in self._analyses.items():
                if other != path and path not in self._neighbours[other] and other not in self._neighbours[path]:
                    continue
                for group in analysis.groups.values():
                    for refusal in refusals:
                        place = "" if other == path else f"an engine may be passed from here to {path}:{refusal.line}; "
                        group.refuse(refusal.line if other == path else 1, place + refusal.advice)
        while True:
            news = [self._pass_on(path, group) for path, analysis in self._analyses.items() for group in analysis.groups.values()]
            if not any(news):
                return

    def _pass_on(self, path: str, group: Group) -> bool:
        """Refuse the groups that this one needs, or that need this one. Returns whether a group was newly refused."""
        changed = self._receive(group) or self._keep_together(path, group)
        for module, line in group.holders.items():
            if group.refusals:
                for holder in self._providers(module, group.module):
                    changed |= _refuse(holder, f"{path}:{line} still takes a name from here; rewrite it first")
        for patched in group.patches:
            line = self._analyses[path].source.line(patched.node)
            holders = list(self._providers(patched.holder, group.module))
            if not holders and not group.refusals:
                group.refuse(line, f"{patched.holder} is patched, but only re-exports the name; patch the module that uses it")
                changed = True
            path_of_holder = self._tree.names.modules.path(patched.holder) or ""
            direct = self._analyses[path_of_holder].groups.get(group.module) if path_of_holder in self._analyses else None
            if direct is not None and direct.exports.get(patched.rest[0], "") is None and not group.refusals:
                group.refuse(line, f"{patched.holder} will no longer use {patched.rest[0]}; patch the name that it will use")
                changed = True
            for holder in holders:
                changed |= _refuse_both(group, holder, f"{path}:{line} patches a name here")
        for other in self._neighbours[path]:
            beside = self._analyses[other].groups.get(group.module) if other in self._analyses else None
            if beside is not None and group.exchanges(beside):
                changed |= _refuse_both(group, beside, f"engines are passed from {other} to {path} or back")
        return changed

    def _keep_together(self, path: str, group: Group) -> bool:
        """If this group, or a group that may bind the same name, is refused, refuse the other one too.

        Returns whether a group was newly refused.
        """
        beside = [self._analyses[path].groups[module] for module in sorted(group.together)]
        return any(_refuse_both(group, other, f"a name comes from {other.module} or from {group.module}") for other in beside)

    def _receive(self, group: Group) -> bool:
        """Refuse a group that calls engines in the new form and makes none, if old engines are still made in some file.

        Returns whether it was refused.
        """
        if group.refusals or group.makes or not group.reshapes:
            return False
        for path, analysis in self._analyses.items():
            maker = analysis.groups.get(group.module)
            if maker is not None and maker.makes and maker.refusals:
                return _refuse(group, f"an old engine of {path}:{maker.refusals[0].line} may get here; rewrite that place first")
        return False

    def _providers(self, module: str, legacy: str, steps: int = _MOST_STEPS) -> Iterator[Group]:
        """Yield the groups of the modules through which `module` imports a name of the legacy module."""
        path = self._tree.names.modules.path(module)
        if path is None or not steps or module in self._tree.legacy:
            return
        if path in self._analyses and legacy in self._analyses[path].groups:
            yield self._analyses[path].groups[legacy]
        for statement in self._tree.facts[path].imports if path in self._tree.facts else ():
            if statement.scope == 0 and not statement.plain:
                source = self._tree.names.modules.absolute(path, statement.level, statement.module)
                if source != module:
                    yield from self._providers(source, legacy, steps - 1)

    def _imported_from(self, path: str) -> Iterator[str]:
        """Yield the files that this file imports objects from, except legacy modules, and each `conftest.py` in a folder above it."""
        modules, names = self._tree.names.modules, self._tree.names
        for statement in self._tree.facts[path].imports:
            for name in statement.names:
                if statement.plain:
                    meaning: Meaning | None = Meaning("module", modules.absolute(path, 0, name.name))
                else:
                    meaning = names.member(modules.absolute(path, statement.level, statement.module), name.name)
                if meaning is not None and meaning.module not in self._tree.legacy and (found := modules.path(meaning.module)) != path:
                    yield from [found] if found is not None else []
        folders = path.split("/")[:-1]
        for depth in range(len(folders) + 1):
            conftest = "/".join([*folders[:depth], "conftest.py"])
            if conftest != path:
                yield conftest

    def _objection(self, analysis: Analysis, suspect: Suspect) -> str | None:
        """Return why the target would not accept the call; None: it would, at least for one legacy class that has the method."""
        fact = call_fact(analysis.source, suspect.node)
        classes = [Meaning("object", module, name) for module, name in self._tree.classes]
        having = [item for item in classes if suspect.method in self._analyser.surfaces.of(item).methods]
        objections = [self._analyser.surfaces.objection_to_call(item, suspect.method, fact) for item in having]
        return next((objection for objection in objections if objection is not None), None) if all(objections) else None


def _refuse(group: Group, advice: str) -> bool:
    """Refuse the group, unless it was refused before; return whether it is newly refused."""
    if group.refusals:
        return False
    group.refuse(1, advice)
    return True


def _refuse_both(one: Group, other: Group, reason: str) -> bool:
    if bool(one.refusals) == bool(other.refusals):
        return False
    return _refuse(other if one.refusals else one, f"{reason}, and the other place has to be changed by hand; rewrite both together")
