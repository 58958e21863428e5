"""The codemod: what is rewritten in a tree, and what has to be done by hand. No file is written here."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import libcst as cst

from migration.consolidation.auditing import AuditProgress, NoProgress
from migration.consolidation.codemod.configuration import CodemodConfiguration, load_codemod_configuration
from migration.consolidation.codemod.decide.analysis import Analyser
from migration.consolidation.codemod.decide.groups import Analysis, Group
from migration.consolidation.codemod.decide.links import Links, neighbours
from migration.consolidation.codemod.read.relevance import may_be_given, may_patch, names_legacy
from migration.consolidation.codemod.read.tree import Tree, understand
from migration.consolidation.codemod.report.advice import refused, still_named
from migration.consolidation.codemod.report.proof import failures
from migration.consolidation.codemod.report.values import CodemodChange, CodemodPlan
from migration.consolidation.codemod.rewrite.edits import Edit, apply_edits
from migration.consolidation.codemod.rewrite.statements import ImportRewriter
from migration.consolidation.codemod.rewrite.strings import rename_exports, rename_in_quotes, requote
from migration.consolidation.configuration import AuditConfiguration, load_configuration
from migration.consolidation.inventory import Problem
from migration.consolidation.sources.workers import read_bytes
from migration.errors import ConfigurationError

logger = logging.getLogger(__name__)

_SILENT: Final = NoProgress()


def plan_codemod(
    root: Path,
    *,
    audit: AuditConfiguration | None = None,
    codemod: CodemodConfiguration | None = None,
    progress: AuditProgress = _SILENT,
) -> CodemodPlan:
    """Return what has to be changed in a tree.

    Args:
        root: the folder.
        audit: what to look for; None: the configuration that the audit finds for this folder.
        codemod: the rules; None: read from the closest `pyproject.toml`.
        progress: receives how many of the files that may matter were read.

    Raises:
        ConfigurationError: `root` is not a folder, or a configuration is wrong.
    """
    root = root.resolve()
    if not root.is_dir():
        raise ConfigurationError(f"{root}: no such folder; give the folder to rewrite")
    codemod = codemod or load_codemod_configuration(root)
    tree = understand(root, audit or load_configuration(root), codemod.made)  # 1 tree, inference: what the names mean
    analyser = Analyser(tree, codemod)
    problems = {problem.path: problem for problem in tree.problems}
    analyses = dict(_analyses(tree, analyser, problems, progress))  # 2 analysis: each file separately
    links = Links(analyser, analyses)
    suspicions = links.suspicions()
    links.spread(suspicions)  # 3 links: what must be rewritten together across files
    changes = _changes(tree, analyses, links, codemod)  # 4 edits, statements: the new texts
    advice = {*refused(analyses, suspicions), *still_named(tree, changes, analyses, codemod)}  # 5 report: what is left to a person
    return CodemodPlan(
        root=root,
        legacy=tuple(sorted(tree.legacy)),
        changes=changes,
        advice=tuple(sorted(advice, key=lambda item: (item.path, item.line, item.module, item.advice))),
        problems=tuple(problems[path] for path in sorted(problems)),
    )


def _analyses(tree: Tree, analyser: Analyser, problems: dict[str, Problem], progress: AuditProgress) -> Iterator[tuple[str, Analysis]]:
    candidates = [path for path in sorted(tree.facts) if path not in problems and tree.names.modules.name(path) not in tree.behind]
    consumers = {path for path in candidates if names_legacy(tree, path)}
    # A method's name alone proves nothing: a file that names no legacy module is read only if it may receive an instance.
    near = neighbours(tree, consumers)
    wanted = [path for path in candidates if path in consumers or (path in near and (may_be_given(tree, path) or may_patch(tree, path)))]
    progress.begin(len(wanted))
    for path in wanted:
        progress.advance(1)
        data = read_bytes(tree.root, path)
        if isinstance(data, Problem):
            continue
        try:
            yield path, analyser.analyse(path, data)
        except (cst.ParserSyntaxError, SyntaxError, ValueError, RecursionError) as error:
            problems[path] = Problem(path=path, kind="unparsable", detail=f"LibCST does not read it: {type(error).__name__}")


def _changes(tree: Tree, analyses: Mapping[str, Analysis], links: Links, codemod: CodemodConfiguration) -> tuple[CodemodChange, ...]:
    while True:
        changes = tuple(change for path, analysis in analyses.items() if (change := _change(tree, path, analysis, analyses)) is not None)
        wrong = failures(tree, changes, codemod.modules)  # 4a proof: what does not hold is not offered
        if not wrong:
            return changes
        for path, reason in wrong.items():
            # This is a defect of this program: it is reported to the user as work by hand, and logged as an error for the maintainers.
            logger.error("a rewritten file does not parse or is not sound; it is left as it is", extra={"file": path, "reason": reason})
            for group in analyses[path].groups.values():
                group.refuse(1, f"{reason}; change it by hand, and report this")
        links.spread({})


def _change(tree: Tree, path: str, analysis: Analysis, analyses: Mapping[str, Analysis]) -> CodemodChange | None:
    groups = [group for group in analysis.groups.values() if not group.refusals]
    if not groups:
        return None
    source, edits = analysis.source, _edits(tree, analysis, groups, analyses)
    after = apply_edits(source.text, edits).decode().encode(source.module.encoding)
    before = source.data
    if after == before:
        return None
    lines = frozenset(line for edit in edits for line in source.lines_of(edit.span))
    return CodemodChange(path=path, before=before, after=after, modules=tuple(sorted(group.module for group in groups)), lines=lines)


def _edits(tree: Tree, analysis: Analysis, groups: list[Group], analyses: Mapping[str, Analysis]) -> list[Edit]:
    """Return the edits of a file that rewrite these groups."""
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
                literal = cst.ensure_type(patched.node, cst.SimpleString)  # any other form is refused
                edits.append(Edit(source.bare_span(literal), (requote(literal, patched.text(patched.holder, new)),)))
    return edits
