"""One file: what replaces each use of a legacy module, and why a use may not be rewritten. Nothing is decided here about other files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import libcst as cst

from migration.consolidation.codemod.configuration import CodemodConfiguration
from migration.consolidation.codemod.decide.checks import (
    class_check,
    comes_from_elsewhere,
    is_dispatched,
    may_be_compared,
    objection_to_check,
)
from migration.consolidation.codemod.decide.choices import Choices
from migration.consolidation.codemod.decide.contexts import is_replaced, objection_to_rename
from migration.consolidation.codemod.decide.groups import Analysis, CodemodDecision, Group, grouped, refused, unseen
from migration.consolidation.codemod.decide.imports import removed_imports
from migration.consolidation.codemod.decide.leaving import Leaving
from migration.consolidation.codemod.decide.makers import is_maker, objection_to_maker
from migration.consolidation.codemod.decide.named_by_strings import NamedByStrings
from migration.consolidation.codemod.decide.renaming import UseRenamer, in_each_place
from migration.consolidation.codemod.decide.suspects import weighed
from migration.consolidation.codemod.decide.texts import refused_texts
from migration.consolidation.codemod.follow.escaping import Escapes
from migration.consolidation.codemod.follow.partials import objection_to_partial, partial_call
from migration.consolidation.codemod.follow.tables import calls_by_table
from migration.consolidation.codemod.follow.variables import Variables
from migration.consolidation.codemod.read.bindings import Bindings, NameOrigin
from migration.consolidation.codemod.read.source import Source, dotted, root_name
from migration.consolidation.codemod.read.surface import Surfaces
from migration.consolidation.codemod.read.tree import Tree, taken_elsewhere
from migration.consolidation.codemod.read.uses import MemberUse, ObjectUse, PassedOn, Suspect, Uses, call_fact
from migration.consolidation.codemod.rewrite.calls import CallRewriter
from migration.consolidation.codemod.rewrite.edits import Span
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.codemod.rules import CodemodRule, ObjectName
from migration.consolidation.findings.meaning import Meaning

#: Methods of a mock that are not calls of the engine.
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
        configuration: the rules.
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
        return _FileAnalysis(self, path, Source(data, self.tree.facts[path], self.tree.left_out.get(path, ()))).run()

    def differs(self, method: str) -> bool:
        """Return whether a method of a legacy class does not exist on the target under the same name, or is called in another form."""
        having = [Meaning("object", module, name) for module, name in self.tree.classes]
        having = [meaning for meaning in having if self.surfaces.of(meaning).has(method)]
        rules = [rule for meaning in having for rule in self.configuration.rules.get(f"{meaning.text}.{method}", ())]
        return bool(having) and (not self.surfaces.target.has(method) or any(rule.renames(method) for rule in rules))

    def successor(self, meaning: Meaning) -> ObjectName | None:
        """Return what replaces a class of the family; None: that is not known."""
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
        self._renaming = UseRenamer(source, self._bindings, analyser.tree, analyser.successor)
        self._named_by_strings = NamedByStrings(
            source, path, analyser.tree, successor=analyser.successor, meaning=self._uses.meaning, differs=analyser.differs
        )
        self._left_out: list[Span] = []  #: arguments that the new call does not have
        self._chosen: set[cst.CSTNode] = set()  #: names that may come from several modules, which all need the same new text
        self._accounted: set[cst.CSTNode] = set()  #: names whose use is known and handled

    def run(self) -> Analysis:
        decisions = [*removed_imports(self._source, self._bindings, self._tree), *self._used()]
        decisions += self._left(grouped(decisions, self._tree.origin))
        decisions += [
            CodemodDecision(module, escapes=line) for module, line in Escapes(self._source, self._tree, self._uses).lines().items()
        ]
        suspects = tuple(weighed(use, self._tree, self._calls, self._rules) for use in self._uses.found if isinstance(use, Suspect))
        return Analysis(
            self._path, self._source, self._bindings, grouped(decisions, self._tree.origin), suspects, self._named_by_strings.open_patches
        )

    def _used(self) -> Iterator[CodemodDecision]:
        """Decide on each use, in the order of the file, and then on names in strings."""
        for use in self._uses.found:
            if isinstance(use, ObjectUse):
                yield from self._object(use)
            elif isinstance(use, MemberUse):
                yield from self._member(use)
            elif isinstance(use, PassedOn):
                yield from self._renaming.passed_on(use, self._accounted)
        yield from refused_texts(self._source, self._path, self._tree, self._uses, self._all.differs)
        named = self._named_by_strings
        yield from named.patches(self._all.surfaces.target)
        yield from named.imports(self._accounted)
        yield from named.lazy_tables()

    def _left(self, groups: Mapping[str, Group]) -> Iterator[CodemodDecision]:
        """Decide on imported names that are removed, once all their uses are known."""
        leaving = Leaving(self._source, self._path, self._bindings, self._tree, self._all.successor)
        needs = {module: list(group.needs) for module, group in groups.items()}
        for bound in self._bindings.bound:
            yield from leaving.account(bound, self._accounted, self._chosen)
            exported = leaving.export(bound, needs[self._tree.origin(bound.meaning.module)])
            needs[self._tree.origin(bound.meaning.module)] += exported.needs
            yield exported
        for module, group in groups.items():
            for star in group.stars:
                yield leaving.export_star(module, star, needs[module])

    def _object(self, use: ObjectUse) -> Iterator[CodemodDecision]:
        module, node, line = use.meaning.module, use.node, self._source.line(use.node)
        yield CodemodDecision(module)
        root = root_name(node)
        if root is not None:
            self._accounted.add(root)
        if any(start <= self._source.bare_span(node)[0] < end for start, end in self._left_out):
            return
        origin = self._bindings.origin(node, use.meaning)
        if isinstance(origin, str):
            chosen = self._choose(node)
            is_compared = class_check(self._source, node) is not None or may_be_compared(self._source, node)
            yield CodemodDecision(module, holders=dict.fromkeys(self._bindings.holders(node, self._uses.meaning), line))
            yield from [unseen(module, line, origin, compares=is_compared)] if chosen is None else chosen
            return
        if (holder := self._bindings.holder(node, origin, self._uses.meaning)) is not None:
            yield CodemodDecision(module, holders={holder: line})
        parent = self._source.parent(node)
        if isinstance(parent, cst.Call) and parent.func is node:
            yield from self._made(parent, use, origin)
        elif isinstance(parent, cst.Attribute):
            yield from self._class_attribute(parent, use, origin)
        elif (call := partial_call(self._source, node)) is not None:
            yield from self._made(call, use, origin)
        elif self._all.successor(use.meaning) is None:
            yield refused(
                module,
                line,
                f"{use.meaning.name} has no counterpart on the target; move what is still needed of it out of {use.meaning.module}",
            )
        else:
            yield from self._named(use, origin)

    def _choose(self, node: cst.CSTNode) -> list[CodemodDecision] | None:
        """Rewrite the call of a name that may come from several modules; None: they may need different texts."""
        chosen = self._choices.chosen(node)
        if chosen is None or taken_elsewhere(self._tree, self._path, chosen.bounds[0].local) is not None:
            return None
        needs = [[Need(bound.statement, item.module, item.name, None) for item in chosen.done.objects] for bound in chosen.bounds]
        if any(self._renaming.clash(node, need) is not None for some in needs for need in some):
            return None
        modules = [self._tree.origin(bound.meaning.module) for bound in chosen.bounds]
        self._chosen.add(node)
        return [
            CodemodDecision(module, makes=True, needs=tuple(some), edits=tuple(chosen.done.edits), together=frozenset(modules) - {module})
            for module, some in zip(modules, needs, strict=True)
        ]

    def _named(self, use: ObjectUse, origin: NameOrigin) -> Iterator[CodemodDecision]:
        """Rewrite the name of a class where the class is not called."""
        if (calls := calls_by_table(self._source, self._path, self._tree, use.node)) is not None:
            yield from self._table(calls, use, origin)
        elif (check := class_check(self._source, use.node)) is not None:
            objection = objection_to_check(self._source, self._uses, check)
            line = self._source.line(use.node)
            is_given = comes_from_elsewhere(self._source, self._uses, check)
            yield CodemodDecision(use.meaning.module, checks=line if is_given else 0, looks=line if is_given else 0)
            yield from self._renaming.renamed(use, origin) if objection is None else [refused(use.meaning.module, line, objection)]
        elif (objection := objection_to_rename(self._source, use.node)) is not None:
            # The class itself may reach a check in another file.
            line = self._source.line(use.node)
            compared = line if may_be_compared(self._source, use.node) else 0
            replaced = line if is_replaced(self._source, use.node) else 0
            yield CodemodDecision(use.meaning.module, makes=True, looks=compared, replaces=replaced)
            yield refused(use.meaning.module, self._source.line(use.node), objection)
        else:
            if is_dispatched(self._source, use.node):
                line = self._source.line(use.node)
                yield CodemodDecision(use.meaning.module, looks=line, checks=line)
            yield from self._renaming.renamed(use, origin)

    def _table(self, calls: Sequence[cst.Call], use: ObjectUse, origin: NameOrigin) -> Iterator[CodemodDecision]:
        """Rewrite a class in a table, the calls that get the class from the table, and the call of a method on each result."""
        yield from self._renaming.renamed(use, origin)
        for call in calls:
            member, later = self._source.parent(call), self._source.parent(self._source.parent(call))
            if not isinstance(member, cst.Attribute) or not isinstance(later, cst.Call) or later.func is not member:
                yield refused(
                    use.meaning.module,
                    self._source.line(call),
                    f"what {self._source.code(call.func)} makes is passed on; call its method directly",
                )
                return
            yield CodemodDecision(use.meaning.module, makes=True, escapes=self._source.line(call))
            yield from self._call(call, use, use.meaning, origin, use.meaning.module)
            instance, name = Meaning("instance", use.meaning.module, use.meaning.name), member.attr.value
            method = Meaning("object", use.meaning.module, f"{use.meaning.name}.{name}")
            if self._rules(method):
                yield from self._call(later, None, method, NameOrigin(None, None), use.meaning.module)
            elif (objection := self._all.surfaces.objection_to_call(instance, name, call_fact(self._source, later))) is not None:
                yield refused(use.meaning.module, self._source.line(later), objection)

    def _made(self, call: cst.Call, use: ObjectUse, origin: NameOrigin) -> Iterator[CodemodDecision]:
        """Rewrite a call of the class, or of `partial` with it."""
        is_partial = call.func is not use.node
        if is_partial and (objection := objection_to_partial(self._source, self._path, self._tree, call, self._rules(use.meaning))):
            yield refused(use.meaning.module, self._source.line(call), objection)
        elif not is_partial and self._is_made_alike(use.meaning):
            yield from self._renaming.renamed(use, origin)
        else:
            yield CodemodDecision(use.meaning.module, makes=True)
            yield from self._call(call, use, use.meaning, origin, use.meaning.module)

    def _is_made_alike(self, meaning: Meaning) -> bool:
        """Return whether the configuration names a counterpart for a class that has no rule, and both take the same arguments."""
        if self._rules(meaning) or meaning.text not in self._all.configuration.names or (new := self._all.successor(meaning)) is None:
            return False
        return self._all.surfaces.are_made_alike(meaning, Meaning("object", new.module, new.name))

    def _class_attribute(self, parent: cst.Attribute, use: ObjectUse, origin: NameOrigin) -> Iterator[CodemodDecision]:
        member, call = self._uses.meaning(parent), self._source.parent(parent)
        if isinstance(call, cst.Call) and call.func is parent and member is not None and self._rules(member):
            if self._is_of_instances(member):
                yield refused(
                    use.meaning.module,
                    self._source.line(call),
                    f"{dotted(parent)} is given its engine as an argument; call the method on the engine",
                )
                return
            yield CodemodDecision(use.meaning.module, makes=True)
            yield from self._call(call, use, member, origin, use.meaning.module)
        elif self._all.successor(use.meaning) is None:
            yield refused(use.meaning.module, self._source.line(parent), f"{use.meaning.name} has no counterpart on the target")
        elif (objection := self._objection_to_class_attribute(use.meaning, parent.attr.value, member)) is not None:
            yield refused(use.meaning.module, self._source.line(parent), objection)
        else:
            if member is not None and is_maker(self._tree, member):
                is_seen = isinstance(call, cst.Call) and self._uses.meaning(call) is not None
                yield CodemodDecision(use.meaning.module, makes=True, escapes=0 if is_seen else self._source.line(parent))
            if is_replaced(self._source, use.node):
                yield CodemodDecision(use.meaning.module, replaces=self._source.line(parent))
            yield from self._renaming.renamed(use, origin)

    def _objection_to_class_attribute(self, meaning: Meaning, name: str, member: Meaning | None) -> str | None:
        surfaces, successor = self._all.surfaces, self._all.successor(meaning)
        return surfaces.objection_to_attribute(meaning, name) or objection_to_maker(self._tree, surfaces, meaning, successor, member)

    def _is_of_instances(self, member: Meaning) -> bool:
        function = self._tree.names.function_of(member)
        return function is not None and function.kind == "method"

    def _member(self, use: MemberUse) -> Iterator[CodemodDecision]:
        module, name, line = use.holder.module, use.node.attr.value, self._source.line(use.node)
        yield CodemodDecision(module, members=1)
        call = self._source.parent(use.node)
        if (objection := self._variables.objection(use.node.value, use.holder)) is not None:
            yield refused(module, line, objection)
        elif isinstance(call, cst.Call) and call.func is use.node:
            if use.meaning is not None and self._rules(use.meaning):
                decided = list(self._call(call, None, use.meaning, NameOrigin(None, None), module))
                yield from decided
                yield CodemodDecision(module, reshapes=any(one.edits for one in decided))
            elif (objection := self._all.surfaces.objection_to_call(use.holder, name, call_fact(self._source, call))) is not None:
                yield refused(module, line, objection)
        elif isinstance(call, cst.Attribute) and call.attr.value in _MOCK_CONTROLS and name in self._all.surfaces.target.methods:
            return
        elif (objection := self._all.surfaces.objection_to_attribute(use.holder, name)) is not None:
            yield refused(module, line, objection)

    def _call(self, call: cst.Call, use: ObjectUse | None, meaning: Meaning, origin: NameOrigin, module: str) -> Iterator[CodemodDecision]:
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
            yield refused(module, self._source.line(call), f"{self._source.code(call.func)}(...): {done}")
            return
        if (clash := next((clash for need in needs if (clash := self._renaming.clash(call, need)) is not None), None)) is not None:
            yield refused(module, self._source.line(call), clash)
            return
        edits = tuple(edit for edit in done.edits if edit.changes(self._source.text))
        yield CodemodDecision(module, edits=edits, needs=tuple(in_each_place(needs, origin)))
        kept = [piece for piece in done.edits[0].pieces if not isinstance(piece, str)]
        spans = [self._source.span(argument.value) for argument in call.args]
        self._left_out.extend(span for span in spans if not any(start <= span[0] and span[1] <= end for start, end in kept))
        if use is not None:
            yield self._renaming.nones(module, origin)

    def _rules(self, meaning: Meaning) -> Sequence[CodemodRule]:
        return self._all.configuration.rules.get(meaning.text, ())
