"""One-line changes of the codemod, each of which makes it wrong. The tests of `test_codemod_laws` find each."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """A change of one line in a file of `migration/consolidation/codemod`."""

    path: str
    old: str
    new: str
    by: str  #: the use in `kept` that finds it, or "drawn": one of the drawn projects of the suite does

    def __str__(self) -> str:
        return f"{self.path}: {self.old.strip()[:50]} -> {self.new.strip()[:50]}"


MUTANTS: Final = (
    Mutant(
        "decide/analysis.py",
        "yield CodemodDecision(use.meaning.module, makes=True, looks=compared, replaces=replaced)",
        "pass",
        "is a subclass",
    ),
    Mutant(
        "decide/analysis.py",
        "checks=line if is_given else 0",
        "checks=0",
        "is a subclass",
    ),
    Mutant(
        "decide/analysis.py",
        "looks=line if is_given else 0)",
        "looks=0)",
        "drawn",
    ),
    Mutant(
        "decide/analysis.py",
        "in_each_place(needs, origin)",
        "needs",
        "made",
    ),
    Mutant(
        "decide/analysis.py",
        "yield refused(module, line, objection)\n        elif isinstance(call, cst.Attribute)",
        "pass\n        elif isinstance(call, cst.Attribute)",
        "drawn",
    ),
    Mutant(
        "decide/analysis.py",
        "yield refused(module, self._source.line(call), clash)",
        "pass",
        "drawn",
    ),
    Mutant(
        "decide/analysis.py",
        "holders=dict.fromkeys(self._bindings.holders(node, self._uses.meaning), line)",
        "holders={}",
        "rebound for a time",
    ),
    Mutant(
        "decide/groups.py",
        "self.escapes = self.escapes or decision.escapes",
        "self.escapes = 0",
        "method by getattr",
    ),
    Mutant(
        "decide/groups.py",
        "self.makes |= decision.makes",
        "self.makes = False",
        "is a subclass",
    ),
    Mutant(
        "decide/groups.py",
        "self.checks = self.checks or decision.checks",
        "self.checks = 0",
        "is a subclass",
    ),
    Mutant(
        "decide/groups.py",
        "self.replaces = self.replaces or decision.replaces",
        "self.replaces = 0",
        "patched by string",
    ),
    Mutant(
        "decide/groups.py",
        "self.patched_whole += decision.patched_whole",
        "pass",
        "patched by string",
    ),
    Mutant(
        "decide/groups.py",
        "self.exports |= decision.exports",
        "pass",
        "annotated and looked at",
    ),
    Mutant(
        "decide/groups.py",
        "self.holders = {**decision.holders, **self.holders}",
        "pass",
        "class in a doctest",
    ),
    Mutant(
        "decide/groups.py",
        "self.quoted |= decision.quoted",
        "pass",
        "annotated and looked at",
    ),
    Mutant(
        "decide/groups.py",
        "(self.members and (other.members or other.makes)) or",
        "",
        "drawn",
    ),
    Mutant(
        "decide/imports.py",
        "yield CodemodDecision(module, holders={bound.module: line})\n    elif",
        "pass\n    elif",
        "drawn",
    ),
    Mutant(
        "decide/leaving.py",
        "line = unknown_export(self._source, bound.local) or unknown_uses(self._source, bound.local)",
        "line = None",
        "drawn",
    ),
    Mutant(
        "decide/leaving.py",
        "line = named_in_all(self._source, root) or unknown_uses(self._source, root)",
        "line = None",
        "in all",
    ),
    Mutant(
        "decide/leaving.py",
        "named_in_all(self._source, name) or unknown_uses(self._source, name)",
        "None",
        "taken from globals",
    ),
    Mutant(
        "decide/leaving.py",
        "later = (given or successor.name)",
        "later = (bound.local)",
        "annotated and looked at",
    ),
    Mutant(
        "decide/links.py",
        "changed |= self._replace(path, group)",
        "pass",
        "patched by string",
    ),
    Mutant(
        "decide/links.py",
        "or self._look(path, group)",
        "",
        "key of a dictionary",
    ),
    Mutant(
        "decide/links.py",
        "changed = self._receive(group) or",
        "changed =",
        "is a subclass",
    ),
    Mutant(
        "decide/links.py",
        "changed |= self._patched_elsewhere(path, group, patched)",
        "pass",
        "patched by decorator",
    ),
    Mutant(
        "decide/links.py",
        "changed |= _refuse(holder,",
        "changed |= False and _refuse(holder,",
        "class in a doctest",
    ),
    Mutant(
        "decide/links.py",
        "if early is not None:",
        "if False:",
        "patched by string",
    ),
    Mutant(
        "decide/links.py",
        "if beside is not None and group.exchanges(beside):",
        "if False:",
        "drawn",
    ),
    Mutant(
        "decide/meeting.py",
        'one.endswith("conftest.py") or other in self._reaches(one)',
        "False",
        "patched by string",
    ),
    Mutant(
        "decide/named_by_strings.py",
        "not (\n                patched.is_whole or patched.is_name\n            )",
        "False",
        "drawn",
    ),
    Mutant(
        "decide/named_by_strings.py",
        'write it for the new ones": patched.is_replaced',
        'write it for the new ones": False',
        "drawn",
    ),
    Mutant(
        "decide/named_by_strings.py",
        'rewrite both": other is not None',
        'rewrite both": False',
        "patched and called by its old method",
    ),
    Mutant(
        "decide/named_by_strings.py",
        'write the new arguments": patched.asserts_calls',
        'write the new arguments": False',
        "patched and asserted",
    ),
    Mutant(
        "decide/texts.py",
        'if is_class or differs(text.rpartition(".")[2]):',
        "if False:",
        "in a doctest",
    ),
    Mutant(
        "decide/texts.py",
        "if (loaded := asks_what_is_loaded(source, module)) is not None:",
        "if False:",
        "looked up in the loaded modules",
    ),
    Mutant(
        "follow/escaping.py",
        "in _LOOKS",
        "is not None",
        "method by getattr",
    ),
    Mutant(
        "follow/escaping.py",
        "is_test = isinstance(parent, cst.If | cst.While)",
        "return True",
        "perhaps none",
    ),
    Mutant(
        "read/uses.py",
        "return is_imported and not self._is_given(node)",
        "return is_imported",
        "cast",
    ),
    Mutant(
        "read/uses.py",
        "yield from self._taken_by_name(node)",
        "pass",
        "method by getattr",
    ),
    Mutant(
        "read/bindings.py",
        "also = tuple(bound.statement for bound in candidates[1:])",
        "also = ()",
        "made",
    ),
    Mutant(
        "read/inference.py",
        "found.update({name.alias or name.name: fixtures[name.name]",
        "({name.alias or name.name: fixtures[name.name]",
        "fixture of another file",
    ),
    Mutant(
        "read/whole.py",
        "if patches.find_matches_as_indexes(data) or (",
        "if (",
        "patched by object",
    ),
    Mutant(
        "read/relevance.py",
        "return isinstance(data, bytes) and _PATCH.search(data) is not None",
        "return False",
        "patched by object",
    ),
    Mutant(
        "rewrite/calls.py",
        'if "self" in rule.used and "self" not in values:',
        "if False:",
        "method held",
    ),
    Mutant(
        "rewrite/calls.py",
        "if not self._in_order(written, [name for name in used if name in values], values):",
        "if False:",
        "drawn",
    ),
    Mutant(
        "rewrite/calls.py",
        'return f"the argument {lost} would no longer',
        'return None and f"the argument {lost} would no longer',
        "drawn",
    ),
    Mutant(
        "rewrite/calls.py",
        'if parameter.presence == "required" and (given is None or is_none(given.value)):',
        "if False:",
        "drawn",
    ),
    Mutant(
        "rewrite/calls.py",
        "name = argument.keyword.value if argument.keyword is not None else parameters[index].name",
        "name = parameters[index].name",
        "drawn",
    ),
    Mutant(
        "rewrite/statements.py",
        "if stays:",
        "if not stays:",
        "made",
    ),
    Mutant(
        "rewrite/strings.py",
        '== "Literal"',
        '== "literal"',
        "drawn",
    ),
    Mutant(
        "rewrite/strings.py",
        "if isinstance(ancestor, cst.Annotation):\n            return True",
        "if isinstance(ancestor, cst.Annotation):\n            return False",
        "annotated and looked at",
    ),
    Mutant(
        "rewrite/patches.py",
        "replaced and len(rest) == 1,",
        "False,",
        "drawn",
    ),
    Mutant(
        "report/applying.py",
        "_replace(path.resolve(), change.after)",
        "_replace(path.resolve(), change.before)",
        "made",
    ),
)
