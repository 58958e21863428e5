"""One file: what becomes of each use of a legacy module, and why it may not. Nothing is decided here about other files."""

from collections.abc import Sequence
from typing import Final

import libcst as cst

from migration.consolidation.codemod.configuration import CodemodConfiguration
from migration.consolidation.codemod.decide.choices import Choices
from migration.consolidation.codemod.decide.contexts import objection_to_rename
from migration.consolidation.codemod.decide.groups import Analysis, Group
from migration.consolidation.codemod.decide.leaving import Leaving
from migration.consolidation.codemod.decide.named_by_strings import NamedByStrings
from migration.consolidation.codemod.decide.renaming import Renaming
from migration.consolidation.codemod.follow.partials import objection_to_partial, partial_call
from migration.consolidation.codemod.follow.tables import calls_by_table
from migration.consolidation.codemod.follow.variables import Variables
from migration.consolidation.codemod.read.bindings import Bindings, Bound, Origin
from migration.consolidation.codemod.read.source import Source, dotted, root_name
from migration.consolidation.codemod.read.surface import Surfaces
from migration.consolidation.codemod.read.tree import Tree, taken_elsewhere
from migration.consolidation.codemod.read.uses import MemberUse, ObjectUse, Suspect, Uses, call_fact
from migration.consolidation.codemod.rewrite.calls import CallRewriter
from migration.consolidation.codemod.rewrite.edits import Span
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.codemod.rules import ObjectName, Rule
from migration.consolidation.findings.meaning import Meaning

#: What is done to the method of a mock without calling it as the engine would be.
_MOCK_CONTROLS: Final = frozenset(
    {
        "return_value", "side_effect", "called", "call_count", "await_count", "reset_mock", "assert_called", "assert_called_once",
        "assert_not_called", "assert_awaited", "assert_awaited_once", "assert_not_awaited",
    }
)  # fmt: skip


class Analyser:
    """Analyses the files of a tree.

    Args:
        tree: the tree.
        configuration: what becomes of what.
    """

    def __init__(self, tree: Tree, configuration: CodemodConfiguration) -> None:
        self.tree = tree
        self.configuration = configuration
        self.surfaces = Surfaces(tree.root, tree.names, tree.target)

    def analyse(self, path: str, data: bytes) -> Analysis:
        """Return the analysis of a file.

        Raises:
            libcst.ParserSyntaxError, UnicodeDecodeError, RecursionError: the file cannot be parsed.
        """
        return _FileAnalysis(self, path, Source(data, self.tree.facts[path])).run()

    def successor(self, meaning: Meaning) -> ObjectName | None:
        """Return what a class of the family becomes; None: nothing that is known."""
        if (configured := self.configuration.names.get(meaning.text)) is not None:
            module, _, name = configured.partition(":")
            return ObjectName(module, name)
        is_family = (meaning.module, meaning.name) in self.tree.classes
        return ObjectName(self.tree.target.module, self.tree.target.name) if is_family else None


class _FileAnalysis:
    def __init__(self, analyser: Analyser, path: str, source: Source) -> None:
        self._all = analyser
        self._tree = analyser.tree
        self._path = path
        self._source = source
        self._uses = Uses(source, path, analyser.tree)
        self._bindings = Bindings(source, path, analyser.tree)
        self._calls = CallRewriter(source, self._uses.meaning, analyser.tree.names)
        self._choices = Choices(source, self._bindings, self._tree, calls=self._calls, surfaces=analyser.surfaces, rules=self._rules)
        self._variables = Variables(source, path, analyser.tree, self._uses)
        self._renaming = Renaming(source, self._bindings, analyser.tree, analyser.successor)
        self._groups: dict[str, Group] = {}
        self._left_out: list[Span] = []  #: arguments that the new call does not have
        self._chosen: set[cst.CSTNode] = set()  #: names that more than one module may give, and become the same from each
        self._accounted: set[cst.CSTNode] = set()  #: names whose use is known and dealt with

    def run(self) -> Analysis:
        self._imports()
        for use in self._uses.found:
            if isinstance(use, ObjectUse):
                self._object(use)
            elif isinstance(use, MemberUse):
                self._member(use)
        named = NamedByStrings(self._source, self._path, self._tree, self._group, self._all.successor)
        named.patches(self._all.surfaces.target)
        named.imports(self._accounted)
        named.lazy_tables()
        leaving = Leaving(self._source, self._bindings, self._tree, self._all.successor)
        for bound in self._bindings.bound:
            leaving.account(self._group(bound.meaning.module), bound, self._accounted, self._chosen)
            leaving.export(self._group(bound.meaning.module), bound)
        for group in self._groups.values():
            leaving.export_stars(group)
        suspects = tuple(use for use in self._uses.found if isinstance(use, Suspect))
        return Analysis(self._path, self._source, self._bindings, self._groups, suspects)

    def _group(self, module: str) -> Group:
        return self._groups.setdefault(origin := self._tree.origin(module), Group(origin))

    def _imports(self) -> None:
        for bound in self._bindings.bound:
            self._import(bound)
        for star in self._bindings.stars:
            if self._bindings.is_legacy_star(star):
                self._group(self._bindings.module_of(star)).stars.append(star)

    def _import(self, bound: Bound) -> None:
        group, line = self._group(bound.meaning.module), self._source.line(bound.statement)
        group.gone.append(bound)
        if bound.meaning.kind == "object":
            if self._tree.names.member(bound.module, dotted(bound.alias.name) or "") is None:
                group.refuse(line, f"{bound.module} has no {dotted(bound.alias.name)}; remove this import, it cannot work")
            elif bound.module not in self._tree.legacy:
                group.holders[bound.module] = line
        scope = next((node for node in self._source.ancestors(bound.statement) if isinstance(node, cst.ClassDef | cst.FunctionDef)), None)
        if isinstance(scope, cst.ClassDef):
            group.refuse(
                line, f"{bound.local} is imported in a class body, so it is an attribute of {scope.name.value}; import it above the class"
            )

    def _object(self, use: ObjectUse) -> None:
        group, node, line = self._group(use.meaning.module), use.node, self._source.line(use.node)
        root = root_name(node)
        if root is not None:
            self._accounted.add(root)
        if any(start <= self._source.bare_span(node)[0] < end for start, end in self._left_out):
            return
        origin = self._bindings.origin(node, use.meaning)
        if isinstance(origin, str):
            if not self._choose(node):
                group.refuse(line, origin)
            return
        if (holder := self._holder(node, origin)) is not None:
            group.holders.setdefault(holder, line)
        parent = self._source.parent(node)
        if isinstance(parent, cst.Call) and parent.func is node:
            self._made(group, parent, use, origin)
        elif isinstance(parent, cst.Attribute):
            self._class_attribute(group, parent, use, origin)
        elif (call := partial_call(self._source, node)) is not None:
            self._made(group, call, use, origin)
        elif self._all.successor(use.meaning) is None:
            group.refuse(
                line, f"{use.meaning.name} has no counterpart on the target; move what is still needed of it out of {use.meaning.module}"
            )
        else:
            self._named(group, use, origin)

    def _choose(self, node: cst.CSTNode) -> bool:
        """Rewrite the call of a name that several modules may give. Returns whether that is certain."""
        chosen = self._choices.chosen(node)
        if chosen is None or taken_elsewhere(self._tree, self._path, chosen.bounds[0].local) is not None:
            return False
        needs = [[Need(bound.statement, item.module, item.name, None) for item in chosen.done.objects] for bound in chosen.bounds]
        if any(self._renaming.clash(node, need) is not None for some in needs for need in some):
            return False
        groups = [self._group(bound.meaning.module) for bound in chosen.bounds]
        for group, some in zip(groups, needs, strict=True):
            group.makes = True
            group.needs.extend(some)
            group.edits.extend(chosen.done.edits)
            group.together.update(other.module for other in groups if other is not group)
        self._chosen.add(node)
        return True

    def _named(self, group: Group, use: ObjectUse, origin: Origin) -> None:
        """Rewrite a class that is only named."""
        if (calls := calls_by_table(self._source, self._path, self._tree, use.node)) is not None:
            self._table(group, calls, use, origin)
        elif (objection := objection_to_rename(self._source, use.node)) is not None:
            group.refuse(self._source.line(use.node), objection)
        else:
            self._renaming.rename(group, use, origin)

    def _table(self, group: Group, calls: Sequence[cst.Call], use: ObjectUse, origin: Origin) -> None:
        """Rewrite a class in a table with its calls, and the method that is called on each of their results."""
        self._renaming.rename(group, use, origin)
        for call in calls:
            member, later = self._source.parent(call), self._source.parent(self._source.parent(call))
            if not isinstance(member, cst.Attribute) or not isinstance(later, cst.Call) or later.func is not member:
                group.refuse(self._source.line(call), f"what {self._source.code(call.func)} makes is handed on; call its method at once")
                return
            group.makes = True
            self._call(group, call, use, use.meaning, origin)
            instance, name = Meaning("instance", use.meaning.module, use.meaning.name), member.attr.value
            method = Meaning("object", use.meaning.module, f"{use.meaning.name}.{name}")
            if self._rules(method):
                self._call(group, later, None, method, Origin(None, None))
            elif (objection := self._all.surfaces.objection_to_call(instance, name, call_fact(self._source, later))) is not None:
                group.refuse(self._source.line(later), objection)

    def _made(self, group: Group, call: cst.Call, use: ObjectUse, origin: Origin) -> None:
        """Rewrite a call of the class, or of `partial` with it."""
        is_partial = call.func is not use.node
        if is_partial and (objection := objection_to_partial(self._source, self._path, self._tree, call, self._rules(use.meaning))):
            group.refuse(self._source.line(call), objection)
        elif not is_partial and self._is_made_alike(use.meaning):
            self._renaming.rename(group, use, origin)
        else:
            group.makes = True
            self._call(group, call, use, use.meaning, origin)

    def _is_made_alike(self, meaning: Meaning) -> bool:
        """Return whether the configuration names a counterpart for a class that has no rule, and both take the same arguments."""
        if self._rules(meaning) or meaning.text not in self._all.configuration.names or (new := self._all.successor(meaning)) is None:
            return False
        return self._all.surfaces.are_made_alike(meaning, Meaning("object", new.module, new.name))

    def _holder(self, node: cst.Name | cst.Attribute | cst.Call, origin: Origin) -> str | None:
        """Return the module, none of the legacy ones, that a name is taken from without being imported; None: there is none."""
        if isinstance(node, cst.Attribute):
            meaning = self._uses.meaning(node.value)
            return meaning.module if meaning is not None and meaning.kind == "module" and meaning.module not in self._tree.legacy else None
        is_star = (
            isinstance(origin.statement, cst.ImportFrom) and origin.bound is None and not self._bindings.is_legacy_star(origin.statement)
        )
        return self._bindings.module_of(origin.statement) if is_star and isinstance(origin.statement, cst.ImportFrom) else None

    def _class_attribute(self, group: Group, parent: cst.Attribute, use: ObjectUse, origin: Origin) -> None:
        member, call = self._uses.meaning(parent), self._source.parent(parent)
        if isinstance(call, cst.Call) and call.func is parent and member is not None and self._rules(member):
            if self._is_of_instances(member):
                group.refuse(self._source.line(call), f"{dotted(parent)} is given its engine as an argument; call the method on the engine")
                return
            group.makes = True
            self._call(group, call, use, member, origin)
        elif self._all.successor(use.meaning) is None:
            group.refuse(self._source.line(parent), f"{use.meaning.name} has no counterpart on the target")
        elif (objection := self._all.surfaces.objection_to_attribute(use.meaning, parent.attr.value)) is not None:
            group.refuse(self._source.line(parent), objection)
        else:
            self._renaming.rename(group, use, origin)

    def _is_of_instances(self, member: Meaning) -> bool:
        function = self._tree.names.function_of(member)
        return function is not None and function.kind == "method"

    def _member(self, use: MemberUse) -> None:
        group, name, line = self._group(use.holder.module), use.node.attr.value, self._source.line(use.node)
        group.members += 1
        call = self._source.parent(use.node)
        if (objection := self._variables.objection(use.node.value, use.holder)) is not None:
            group.refuse(line, objection)
        elif isinstance(call, cst.Call) and call.func is use.node:
            if use.meaning is not None and self._rules(use.meaning):
                before = len(group.edits)
                self._call(group, call, None, use.meaning, Origin(None, None))
                group.reshapes |= len(group.edits) > before
            elif (objection := self._all.surfaces.objection_to_call(use.holder, name, call_fact(self._source, call))) is not None:
                group.refuse(line, objection)
        elif isinstance(call, cst.Attribute) and call.attr.value in _MOCK_CONTROLS and name in self._all.surfaces.target.methods:
            return
        elif (objection := self._all.surfaces.objection_to_attribute(use.holder, name)) is not None:
            group.refuse(line, objection)

    def _call(self, group: Group, call: cst.Call, use: ObjectUse | None, meaning: Meaning, origin: Origin) -> None:
        needs: list[Need] = []

        def name(item: ObjectName) -> str:
            if use is not None and item == self._all.successor(use.meaning):
                text, need = self._renaming.new_name(use, item, origin)
                text = self._source.code(call.func) if isinstance(call.func, cst.Subscript) else text
            else:
                text, need = item.name, Need(origin.statement, item.module, item.name, None)
            needs.extend([need] if need is not None else [])
            return text

        is_partial = use is not None and partial_call(self._source, use.node) is call
        done = (self._calls.rewrite_partial if is_partial else self._calls.rewrite)(call, self._rules(meaning), name)
        if isinstance(done, str):
            group.refuse(self._source.line(call), f"{self._source.code(call.func)}(...): {done}")
            return
        if (clash := next((clash for need in needs if (clash := self._renaming.clash(call, need)) is not None), None)) is not None:
            group.refuse(self._source.line(call), clash)
            return
        group.edits.extend(edit for edit in done.edits if edit.changes(self._source.text))
        group.needs.extend(needs)
        kept = [piece for piece in done.edits[0].pieces if not isinstance(piece, str)]
        spans = [self._source.span(argument.value) for argument in call.args]
        self._left_out.extend(span for span in spans if not any(start <= span[0] and span[1] <= end for start, end in kept))
        if use is not None:
            self._renaming.rename_nones(group, origin)

    def _rules(self, meaning: Meaning) -> Sequence[Rule]:
        return self._all.configuration.rules.get(meaning.text, ())
