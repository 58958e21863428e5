"""Which groups of different files depend on each other: if one is not rewritten, the others are not rewritten either."""

from collections.abc import Collection, Container, Iterator, Mapping

import libcst as cst

from migration.consolidation.codemod.decide.analysis import Analyser
from migration.consolidation.codemod.decide.groups import Analysis, Group, Refusal
from migration.consolidation.codemod.decide.meeting import Meetings
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.read.uses import Suspect, call_fact
from migration.consolidation.codemod.rewrite.patches import Patched
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.findings.meaning import Meaning


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
        self._passed: dict[str, tuple[str, ...]] = {}
        self._meetings = Meetings(analyser.tree, analyses)
        self._neighbours = {path: frozenset(imported_from(self._tree, path, analyses)) for path in analyses}

    def suspicions(self) -> dict[str, list[Refusal]]:
        """Return, by file, the calls in a form that only legacy classes accept, on objects of unknown type.

        A file counts only if it may receive an instance that can no longer be followed, from itself or from a file next to it.
        """
        found: dict[str, list[Refusal]] = {}
        for path, analysis in self._analyses.items():
            for suspect in analysis.suspects if analysis.suspects and any(self._escaping(path)) else ():
                if (objection := self._objection(analysis, suspect)) is not None:
                    advice = f"the type of {suspect.receiver} is not known; if it is such an instance: {objection}"
                    found.setdefault(path, []).append(Refusal(analysis.source.line(suspect.node), advice))
        return found

    def spread(self, suspicions: Mapping[str, list[Refusal]]) -> None:
        """Refuse groups in and next to files with suspicious calls, and then everything that depends on a refused group."""
        for path, refusals in suspicions.items():
            for other, group in self._escaping(path):
                for refusal in refusals:
                    place = "" if other == path else f"an instance of line {group.escapes} may get to {path}:{refusal.line}; "
                    group.refuse(refusal.line if other == path else 1, place + refusal.advice)
        self._hold_patched()
        self._hold_passed_on()
        while True:
            news = [self._pass_on(path, group) for path, analysis in self._analyses.items() for group in analysis.groups.values()]
            if not any(news):
                return

    def _hold_patched(self) -> None:
        """Refuse the groups that rename an object which a file next to them may patch under a name that cannot be determined."""
        for path, analysis in self._analyses.items():
            for patch in analysis.open_patches:
                line = analysis.source.line(patch.node)
                for other in self._neighbours[path]:
                    beside = self._analyses.get(other)
                    for group in beside.groups.values() if beside is not None else ():
                        if any(new != old and old in patch.words for old, new in group.exports.items()):
                            group.refuse(
                                1, f"{path}:{line} may patch a name here, but it cannot be determined which; write the name out there"
                            )

    def _hold_passed_on(self) -> None:
        """Refuse the groups that rename an object which a legacy module takes from this file only to pass it on."""
        for module in self._tree.behind:
            path = self._tree.names.modules.path(module)
            for statement in self._tree.facts[path].imports if path is not None and path in self._tree.facts else ():
                source = self._tree.names.modules.absolute(path or "", statement.level, statement.module)
                analysis = self._analyses.get(self._tree.names.modules.path(source) or "")
                for group in analysis.groups.values() if analysis is not None else ():
                    if any(group.exports.get(name.name, name.name) != name.name for name in statement.names):
                        _refuse(group, f"{path}:{statement.line} still takes a name from here; rewrite it first")

    def _escaping(self, path: str) -> Iterator[tuple[str, Group]]:
        """Yield the groups with instances that can no longer be followed: of a file, of files that import it, and of its imports."""
        importing = (other for other, neighbours in self._neighbours.items() if path in neighbours)
        for other in dict.fromkeys((path, *sorted(self._neighbours[path]), *importing)):
            analysis = self._analyses.get(other)
            yield from ((other, group) for group in (analysis.groups.values() if analysis is not None else ()) if group.escapes)

    def _pass_on(self, path: str, group: Group) -> bool:
        """Refuse the groups that this one needs, or that need this one. Returns whether a group was newly refused."""
        changed = self._receive(group) or self._keep_together(path, group) or self._look(path, group)
        changed |= self._replace(path, group)
        for module, line in group.holders.items():
            if group.refusals:
                for holder in self._providers(module, group.module):
                    changed |= _refuse(holder, f"{path}:{line} still takes a name from here; rewrite it first")
        for patched in group.patches:
            line = self._analyses[path].source.line(patched.node)
            holders = self._providers(patched.holder, group.module)
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
            changed |= self._patched_elsewhere(path, group, patched)
        for other in self._neighbours[path]:
            beside = self._analyses[other].groups.get(group.module) if other in self._analyses else None
            if beside is not None and group.exchanges(beside):
                changed |= _refuse_both(group, beside, f"engines are passed from {other} to {path} or back")
        return changed

    def _patched_elsewhere(self, path: str, group: Group, patched: Patched) -> bool:
        """Refuse a patch of a name that its module gets by a star, or that other files import later; refuse those files too."""
        line = self._analyses[path].source.line(patched.node)
        holder = self._analyses.get(self._tree.names.modules.path(patched.holder) or "")
        changed = False
        if holder is not None and holder.bindings.stars and not holder.source.scopes.module.sites.get(patched.rest[0]):
            changed |= _refuse(group, f"{patched.holder} gets {patched.rest[0]} by a star; patch the name that it will use")
            for other in holder.groups.values():
                changed |= _refuse_both(group, other, f"{path}:{line} patches a name here")
        for other_path, analysis in self._analyses.items():
            user = analysis.groups.get(group.module)
            if user is None or user is group or patched.holder not in user.holders or not self._meetings.may_patch(path, other_path):
                continue
            changed |= _refuse(
                group, f"{other_path} takes {patched.rest[0]} from {patched.holder}, where it is patched here; rewrite both together"
            )
            changed |= _refuse_both(group, user, f"{path}:{line} patches a name that this file takes")
        return changed

    def _keep_together(self, path: str, group: Group) -> bool:
        """If this group, or a group that may bind the same name, is refused, refuse the other one too.

        Returns whether a group was newly refused.
        """
        beside = [self._analyses[path].groups[module] for module in sorted(group.together)]
        return any(_refuse_both(group, other, f"a name comes from {other.module} or from {group.module}") for other in beside)

    def _receive(self, group: Group) -> bool:
        """Refuse a group that calls instances in the new form and makes none, or checks their class, if a file still makes old ones.

        Returns whether it was refused.
        """
        if group.refusals or not (group.checks or (group.reshapes and not group.makes)):
            return False
        for path, analysis in self._analyses.items():
            maker = analysis.groups.get(group.module)
            if maker is not None and maker.makes and maker.refusals:
                return _refuse(group, f"an old instance of {path}:{maker.refusals[0].line} may get here; rewrite that place first")
        return False

    def _replace(self, path: str, group: Group) -> bool:
        """Refuse this group and the others together if this one patches the class in its own module; return whether one was refused.

        A name that is imported at the top of a file would not be patched there.
        """
        changed = False
        for other, analysis in self._analyses.items() if group.replaces else ():
            user = analysis.groups.get(group.module)
            if user is None or user is group or not (user.makes or user.members) or not self._meetings.may_patch(path, other):
                continue
            changed |= _refuse_both(group, user, f"{path}:{group.replaces} patches the class for {other}")
            early = next((patched for patched in group.patched_whole if any(_is_early(analysis, need) for need in user.needs)), None)
            if early is not None:
                changed |= _refuse(group, f"{other} would import {early} before it is patched here; patch it there")
        return changed

    def _look(self, path: str, group: Group) -> bool:
        """If this group still looks at the old class, refuse the groups whose instances may get here; return whether one was."""
        changed = False
        for other, analysis in self._analyses.items() if group.looks and group.refusals else ():
            maker = analysis.groups.get(group.module)
            if maker is not None and maker.makes and maker.escapes and self._meetings.may_meet(path, other):
                changed |= _refuse(
                    maker, f"an instance may get to {path}:{group.looks}, which looks at its class; rewrite that place first"
                )
        return changed

    def _providers(self, module: str, legacy: str) -> list[Group]:
        """Return the groups of the modules through which `module` imports a name of the legacy module."""
        passing = (self._tree.names.modules.path(name) or "" for name in self._passing(module))
        return [self._analyses[path].groups[legacy] for path in passing if path in self._analyses and legacy in self._analyses[path].groups]

    def _passing(self, module: str) -> tuple[str, ...]:
        """Return a module and all modules from which names may get into it, except legacy ones; () if it is one, or is not in the tree."""
        if module not in self._passed:
            modules, found = self._tree.names.modules, dict[str, None]()
            pending = [module]
            while pending:
                name = pending.pop()
                path = modules.path(name)
                if path is None or name in found or name in self._tree.legacy:
                    continue
                found[name] = None
                imports = self._tree.facts[path].imports if path in self._tree.facts else ()
                taking = (statement for statement in imports if statement.scope == 0 and not statement.plain)
                pending.extend(modules.absolute(path, statement.level, statement.module) for statement in taking)
            self._passed[module] = tuple(found)
        return self._passed[module]

    def _objection(self, analysis: Analysis, suspect: Suspect) -> str | None:
        """Return why the target would not accept the call; None: it would, at least for one legacy class that has the method."""
        if suspect.reshaped:
            return f"a rule rewrites calls of {suspect.method}"
        fact = call_fact(analysis.source, suspect.node)
        classes = [Meaning("object", module, name) for module, name in self._tree.classes]
        having = [item for item in classes if suspect.method in self._analyser.surfaces.of(item).methods]
        if suspect.by_name:
            target = self._analyser.surfaces.target
            return f"{target.name} has no {suspect.method}" if having and not target.has(suspect.method) else None
        objections = [self._analyser.surfaces.objection_to_call(item, suspect.method, fact) for item in having]
        return next((objection for objection in objections if objection is not None), None) if all(objections) else None


def neighbours(tree: Tree, paths: Collection[str]) -> frozenset[str]:
    """Return the files that import one of these files, or that one of them imports."""
    found: set[str] = set()
    for path in tree.facts:
        imported = set(imported_from(tree, path))
        found |= imported if path in paths else set()
        if not imported.isdisjoint(paths):
            found.add(path)
    return frozenset(found)


def imported_from(tree: Tree, path: str, consumers: Container[str] = ()) -> Iterator[str]:
    """Yield the files that this file imports objects from, and each `conftest.py` in a folder above it.

    Legacy modules are left out, except those that are consumers too, as a module with a subclass is.
    """
    modules, names = tree.names.modules, tree.names
    for statement in tree.facts[path].imports:
        for name in statement.names:
            if statement.plain:
                meaning: Meaning | None = Meaning("module", modules.absolute(path, 0, name.name))
            else:
                meaning = names.member(modules.absolute(path, statement.level, statement.module), name.name)
            found = modules.path(meaning.module) if meaning is not None else None
            if meaning is not None and found not in {None, path} and (meaning.module not in tree.legacy or found in consumers):
                yield found
    folders = path.split("/")[:-1]
    for depth in range(len(folders) + 1):
        conftest = "/".join([*folders[:depth], "conftest.py"])
        if conftest != path:
            yield conftest


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


def _is_early(analysis: Analysis, need: Need) -> bool:
    """Return whether the file imports a name at its top, and not only in a function."""
    return need.statement is None or not any(isinstance(item, cst.FunctionDef) for item in analysis.source.ancestors(need.statement))
