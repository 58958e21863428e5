"""The work that is left to a person: refused places, and strings that still name a legacy module or its objects."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from migration.consolidation.codemod.configuration import CodemodConfiguration
from migration.consolidation.codemod.decide.groups import Analysis, Refusal
from migration.consolidation.codemod.read.tree import Tree
from migration.consolidation.codemod.report.values import Advice, CodemodChange
from migration.consolidation.inventory import DottedString, StringUse

_ADVICE: Final[Mapping[StringUse, str]] = {
    "import": "a string imports it; import the target instead",
    "patch": "a string patches it; patch the target where it is used",
    "logger": "a logger has its name; name the logger, and its configuration, after the module that stays",
    "configuration": "the code that reads this setting passes the old arguments; change that code, then name the target here",
    "path": "it is the path of a file that is removed; name the file that stays",
    "other": "it is not known which code reads it; change that code, then name the target here",
}


def refused(analyses: Mapping[str, Analysis], suspicions: Mapping[str, list[Refusal]]) -> Iterator[Advice]:
    """Yield all refusals, group by group, and then the suspicious calls for which no group is refused."""
    for path, analysis in analyses.items():
        refused = {refusal for group in analysis.groups.values() for refusal in group.refusals}
        for group in analysis.groups.values():
            for refusal in group.refusals:
                yield Advice(path=path, line=refusal.line, module=group.module, advice=refusal.advice, fails=True)
        for refusal in suspicions.get(path, ()):
            if refusal not in refused:
                yield Advice(path=path, line=refusal.line, module="", advice=refusal.advice, fails=False)


def still_named(
    tree: Tree, changes: tuple[CodemodChange, ...], analyses: Mapping[str, Analysis], codemod: CodemodConfiguration
) -> Iterator[Advice]:
    """Yield the strings that remain after the rewrite, except on lines with a refusal."""
    after = {change.path: change.after for change in changes}
    said = {(path, refusal.line) for path, item in analyses.items() for group in item.groups.values() for refusal in group.refusals}
    for string in tree.strings:
        if codemod.file == tree.root / string.path and any(string.text in rule for rule in codemod.written):
            continue
        if (string.path, string.line) not in said and _is_left(string, after.get(string.path)):
            advice = f"{string.text}: {_ADVICE[string.use]}"
            fails = string.use in {"import", "patch"}
            yield Advice(path=string.path, line=string.line, module=string.module, advice=advice, fails=fails)


def _is_left(string: DottedString, after: bytes | None) -> bool:
    return after is None or re.search(rf"(?<![\w.]){re.escape(string.text)}(?!\w)".encode(), after) is not None
