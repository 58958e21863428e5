"""The codemod: what is rewritten in a tree, and what has to be done by hand. Nothing is written here."""

import ast
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import libcst as cst

from migration.consolidation.audit import NoProgress, Progress
from migration.consolidation.codemod.configuration import CodemodConfiguration, load_codemod_configuration
from migration.consolidation.codemod.decide.analysis import Analyser
from migration.consolidation.codemod.decide.groups import Analysis, Group, Refusal
from migration.consolidation.codemod.decide.links import Links
from migration.consolidation.codemod.read.relevance import may_matter
from migration.consolidation.codemod.read.tree import Tree, understand
from migration.consolidation.codemod.rewrite.edits import Edit, apply_edits
from migration.consolidation.codemod.rewrite.statements import ImportRewriter
from migration.consolidation.codemod.rewrite.strings import rename_exports, rename_in_quotes, requote
from migration.consolidation.configuration import AuditConfiguration, load_configuration
from migration.consolidation.inventory import DottedString, Problem, StringUse
from migration.consolidation.sources.workers import read_bytes
from migration.errors import ConfigurationError

logger = logging.getLogger(__name__)

_SILENT: Final = NoProgress()

_ADVICE: Final[Mapping[StringUse, str]] = {
    "import": "it is imported by its name; import the target instead",
    "patch": "it is patched by its name; patch the target where it is used",
    "logger": "a logger has its name; name it, and what configures it, after the module that stays",
    "configuration": "whatever reads it gives it the old arguments; name the target once that is changed",
    "path": "a path of a file that goes; name the one that stays",
    "other": "nobody can tell what reads it; name the target once that is changed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file that is rewritten."""

    path: str
    before: bytes
    after: bytes
    modules: tuple[str, ...]  #: the legacy modules that it does not use afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something that is left to a person."""

    path: str
    line: int
    module: str  #: the legacy module; "" when it is not known which
    advice: str
    fails: bool  #: the file cannot work without the module; otherwise it only names it, or may have nothing to do with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a codemod of a tree does, and does not."""

    root: Path
    legacy: tuple[str, ...]  #: modules that have to go
    changes: tuple[Change, ...]  #: by path
    advice: tuple[Advice, ...]  #: by path and line
    problems: tuple[Problem, ...]  #: files that could not be read or parsed; nothing in them is changed

    @property
    def left(self) -> tuple[str, ...]:
        """The files that cannot work without the legacy modules, once the changes are written; sorted."""
        return tuple(sorted({item.path for item in self.advice if item.fails}))


def plan(
    root: Path,
    *,
    audit: AuditConfiguration | None = None,
    codemod: CodemodConfiguration | None = None,
    progress: Progress = _SILENT,
) -> Plan:
    """Return what is to be done in a tree.

    Args:
        root: the folder.
        audit: what to look for; None: as the audit finds it for this folder.
        codemod: what becomes of what; None: that of the closest `pyproject.toml`.
        progress: sees how many of the files that may matter were looked at.

    Raises:
        ConfigurationError: `root` is not a folder, or a configuration is wrong.
    """
    root = root.resolve()
    if not root.is_dir():
        raise ConfigurationError(f"{root}: no such folder; give the folder to rewrite")
    tree = understand(root, audit or load_configuration(root))  # 1 tree, inference: what the names mean
    codemod = codemod or load_codemod_configuration(root)
    analyser = Analyser(tree, codemod)
    problems = {problem.path: problem for problem in tree.problems}
    analyses = dict(_analyses(tree, analyser, problems, progress))  # 2 analysis: each file by itself
    links = Links(analyser, analyses)
    suspicions = links.suspicions()
    links.spread(suspicions)  # 3 links: what hangs together across files
    changes = _changes(tree, analyses, links)  # 4 edits, statements: the new texts
    advice = {*_advice(analyses, suspicions), *_strings(tree, changes, analyses, codemod)}
    return Plan(
        root=root,
        legacy=tuple(sorted(tree.legacy)),
        changes=changes,
        advice=tuple(sorted(advice, key=lambda item: (item.path, item.line, item.module, item.advice))),
        problems=tuple(problems[path] for path in sorted(problems)),
    )


def _analyses(tree: Tree, analyser: Analyser, problems: dict[str, Problem], progress: Progress) -> Iterator[tuple[str, Analysis]]:
    progress.begin(len(tree.facts))
    for path in sorted(tree.facts):
        progress.advance(1)
        data = read_bytes(tree.root, path)
        if path in problems or tree.names.modules.name(path) in tree.behind or isinstance(data, Problem) or not may_matter(tree, path):
            continue
        try:
            yield path, analyser.analyse(path, data)
        except (cst.ParserSyntaxError, UnicodeDecodeError, RecursionError) as error:
            problems[path] = Problem(path=path, kind="unparsable", detail=f"LibCST does not read it: {type(error).__name__}")


def _changes(tree: Tree, analyses: Mapping[str, Analysis], links: Links) -> tuple[Change, ...]:
    while True:
        changes, broken = [], False
        for path, analysis in analyses.items():
            groups = [group for group in analysis.groups.values() if not group.refusals]
            after = _render(tree, analysis, groups, analyses)
            if not _parses(after):
                broken = True
                # A defect of this program: it is told to the user as work by hand, and to its makers as an error.
                logger.error("a rewritten file does not parse and is left as it is", extra={"file": path})
                for group in groups:
                    group.refuse(1, "the rewritten file would not parse; change it by hand, and report this")
            elif after != (before := analysis.source.module.bytes):
                changes.append(Change(path=path, before=before, after=after, modules=tuple(sorted(group.module for group in groups))))
        if not broken:
            return tuple(changes)
        links.spread({})


def _render(tree: Tree, analysis: Analysis, groups: list[Group], analyses: Mapping[str, Analysis]) -> bytes:
    """Return the file with these groups rewritten, in its own encoding."""
    if not groups:
        return analysis.source.module.bytes
    source, modules = analysis.source, tree.names.modules
    edits = [edit for group in groups for edit in group.edits]
    imports = ImportRewriter(source, analysis.path, modules, analysis.bindings)
    edits += imports.edits(
        [bound for group in groups for bound in group.gone],
        [need for group in groups for need in group.needs],
        [star for group in groups for star in group.stars],
    )
    exports = {name: new for group in groups for name, new in group.exports.items() if name != new}
    edits += rename_exports(source, exports)
    edits += rename_in_quotes(source, {name: new for group in groups for name, new in group.quoted.items()})
    for group in groups:
        for patched in group.patches:
            path = modules.path(patched.holder)
            holder = analyses[path].groups.get(group.module) if path is not None and path in analyses else None
            new = holder.exports.get(patched.rest[0], patched.rest[0]) if holder is not None else None
            if new is not None:
                text = ".".join([patched.holder, new, *patched.rest[1:]])
                edits.append(Edit(source.bare_span(patched.node), (requote(patched.node, text),)))
    text = apply_edits(source.text, edits).decode()
    return text.encode(source.module.encoding)


def _parses(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes were there before
            ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    return True


def _advice(analyses: Mapping[str, Analysis], suspicions: Mapping[str, list[Refusal]]) -> Iterator[Advice]:
    for path, analysis in analyses.items():
        refused = {refusal for group in analysis.groups.values() for refusal in group.refusals}
        for group in analysis.groups.values():
            for refusal in group.refusals:
                yield Advice(path=path, line=refusal.line, module=group.module, advice=refusal.advice, fails=True)
        for refusal in suspicions.get(path, ()):
            if refusal not in refused:
                yield Advice(path=path, line=refusal.line, module="", advice=refusal.advice, fails=False)


def _strings(tree: Tree, changes: tuple[Change, ...], analyses: Mapping[str, Analysis], codemod: CodemodConfiguration) -> Iterator[Advice]:
    """Yield the strings that are still there afterwards, unless something else is said of their line."""
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
