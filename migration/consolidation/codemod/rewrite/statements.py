"""Rewrites import statements: unneeded names are removed, and new ones are added in their place, in the statement's style."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import libcst as cst

from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import AnyImport, Source
from migration.consolidation.codemod.rewrite.edits import Edit
from migration.consolidation.sources.modules import ModuleNames

_COMMENT: Final = re.compile(r"#[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Need:
    """A name that has to be imported."""

    statement: AnyImport | None  #: the place of the new import, or the import before it; None: among the imports at the top
    module: str
    name: str
    given: str | None  #: the name after `as`; None: there is none


class ImportRewriter:
    """Rewrites the import statements of one file.

    Args:
        source: the file.
        path: the file's path.
        modules: all modules of the tree.
        bindings: the file's imports.
    """

    def __init__(self, source: Source, path: str, modules: ModuleNames, bindings: Bindings) -> None:
        self._source = source
        self._path = path
        self._modules = modules
        self._bindings = bindings

    def edits(self, gone: Sequence[Bound], needs: Sequence[Need], stars: Sequence[AnyImport]) -> Iterator[Edit]:
        """Yield the edits that rewrite the imports.

        Args:
            gone: names that are no longer imported.
            needs: names that are imported instead, in the order in which they should appear.
            stars: star imports of legacy modules, which are removed.
        """
        wanted: dict[int, list[Need]] = {}
        replaced = [bound.statement for bound in gone if self._source.is_top_level(bound.statement)]
        given: set[tuple[str, str, str | None]] = set()
        for need in needs:
            top_level = need.statement is None or self._source.is_top_level(need.statement)
            key = (need.module, need.name, need.given)
            if top_level and (key in given or self._is_there(need, gone)):
                continue
            if top_level:
                given.add(key)
            # Imports without a place are best put where a statement at the top is replaced anyway.
            place = replaced[0] if need.statement is None and replaced else need.statement
            wanted.setdefault(id(place), []).append(need)
        for statement in self._bindings.statements:
            leaving = [bound for bound in gone if bound.statement is statement]
            found = list(dict.fromkeys(wanted.get(id(statement), ())))
            if leaving or statement in stars:
                yield from self._replace(statement, leaving, found)
            elif found:
                yield self._insert(self._source.statement(statement), found)
        if id(None) in wanted:
            yield self._insert(self._last_import(), wanted[id(None)])

    def _replace(self, statement: AnyImport, leaving: Sequence[Bound], needs: Sequence[Need]) -> Iterator[Edit]:
        line = self._source.statement(statement)
        _, indent = self._source.line_start(line)
        stays = (
            [] if isinstance(statement.names, cst.ImportStar) else [a for a in statement.names if all(b.alias is not a for b in leaving)]
        )
        texts = list(self._texts(statement, stays, needs))
        alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
        newline = self._source.module.default_newline
        lost = self._lost_comments(statement, texts)
        if lost:
            start, _ = self._source.line_start(line)
            yield Edit((start, start), tuple(f"{indent}{comment}{newline}" for comment in lost))
        if texts:
            yield Edit(self._source.bare_span(statement), ((f"{newline}{indent}" if alone else "; ").join(texts),))
        elif alone and not self._is_only_one(line):
            start, _ = self._source.line_start(line)
            yield from self._without_line(line, start)
        else:
            yield Edit(self._source.bare_span(statement), ("pass",))

    def _without_line(self, line: cst.CSTNode, start: int) -> Iterator[Edit]:
        end = self._source.line_end(line)
        rest = self._source.text[self._source.bare_span(line)[1] : end].strip()
        if rest.startswith(b"#") and not rest.startswith((b"# noqa", b"# type:", b"# isort", b"# pylint")):
            yield Edit((start, end), (self._source.line_start(line)[1] + rest.decode(),))
        else:
            stop = self._source.text.find(b"\n", end)
            yield Edit((start, len(self._source.text) if stop < 0 else stop + 1), ())

    def _texts(self, statement: AnyImport, stays: Sequence[cst.ImportAlias], needs: Sequence[Need]) -> Iterator[str]:
        """Yield the statements that replace an import statement."""
        if stays:
            yield self._source.module.code_for_node(
                statement.with_changes(names=_closed(statement, stays), semicolon=cst.MaybeSentinel.DEFAULT)
            )
        left = list(needs)
        if not stays and isinstance(statement, cst.ImportFrom) and needs:
            same = [need for need in needs if need.module == needs[0].module]
            left = [need for need in needs if need.module != needs[0].module]
            yield self._source.module.code_for_node(self._in_style_of(statement, needs[0].module, same))
        relative = isinstance(statement, cst.ImportFrom) and bool(statement.relative)
        yield from self._fresh(left, relative=relative)

    def _in_style_of(self, statement: cst.ImportFrom, module: str, needs: Sequence[Need]) -> cst.ImportFrom:
        """Return the statement for another module and other names: parentheses, line breaks and comments stay."""
        level, name = self._relative(module) if statement.relative else (0, module)
        old = [] if isinstance(statement.names, cst.ImportStar) else list(statement.names)
        aliases = []
        for index, need in enumerate(needs):
            model = old[index] if index < len(old) else cst.ImportAlias(cst.Name(need.name))
            given = cst.AsName(cst.Name(need.given)) if need.given is not None else None
            kept = model.asname if need.given is not None and model.asname is not None and _same(model.asname, need.given) else given
            aliases.append(model.with_changes(name=cst.Name(need.name), asname=kept))
        return statement.with_changes(
            relative=[cst.Dot()] * level,
            module=_module_node(name),
            names=_closed(statement, aliases),
            semicolon=cst.MaybeSentinel.DEFAULT,
        )

    def _fresh(self, needs: Sequence[Need], *, relative: bool) -> Iterator[str]:
        by_module: dict[str, list[Need]] = {}
        for need in needs:
            by_module.setdefault(need.module, []).append(need)
        for module, found in by_module.items():
            level, name = self._relative(module) if relative else (0, module)
            names = ", ".join(need.name if need.given is None else f"{need.name} as {need.given}" for need in found)
            yield f"from {'.' * level}{name} import {names}"

    def _relative(self, module: str) -> tuple[int, str]:
        """Return the dots and the rest of the nearest relative name; no dots if the module is in another top package."""
        package, parts = self._modules.package(self._path).split("."), module.split(".")
        for level in range(1, len(package) + 1):
            base = package[: len(package) - level + 1]
            if parts[: len(base)] == base and len(parts) > len(base):
                return level, ".".join(parts[len(base) :])
        return 0, module

    def _insert(self, line: cst.CSTNode | None, needs: Sequence[Need]) -> Edit:
        newline = self._source.module.default_newline
        texts = list(self._fresh(list(dict.fromkeys(needs)), relative=False))
        if line is None:
            start = self._after_docstring()
            return Edit((start, start), tuple(text + newline for text in texts))
        _, indent = self._source.line_start(line)
        end = self._source.line_end(line)
        return Edit((end, end), tuple(f"{newline}{indent}{text}" for text in texts))

    def _last_import(self) -> cst.CSTNode | None:
        """Return the last line of the imports at the top of the file, before any other code."""
        lines = [self._source.statement(node) for node in self._bindings.statements if self._source.is_top_level(node)]
        return lines[-1] if lines else None

    def _after_docstring(self) -> int:
        body = self._source.module.body
        if self._source.module.get_docstring() is None or not body:
            return self._source.line_start(body[0])[0] if body else 0
        end = self._source.line_end(body[0])
        stop = self._source.text.find(b"\n", end)
        return len(self._source.text) if stop < 0 else stop + 1

    def _is_there(self, need: Need, gone: Sequence[Bound]) -> bool:
        """Return whether the file already imports the name, at the top level, in a statement that stays."""
        leaving = {id(bound.alias) for bound in gone}
        for statement in self._bindings.statements:
            if not isinstance(statement, cst.ImportFrom) or isinstance(statement.names, cst.ImportStar):
                continue
            if not self._source.is_top_level(statement) or self._bindings.module_of(statement) != need.module:
                continue
            for alias in statement.names:
                given = alias.asname.name.value if alias.asname is not None and isinstance(alias.asname.name, cst.Name) else None
                if id(alias) not in leaving and alias.name.value == need.name and (given or need.name) == (need.given or need.name):
                    return True
        return False

    def _is_only_one(self, line: cst.CSTNode) -> bool:
        block = self._source.parent(line)
        return isinstance(block, cst.IndentedBlock) and len(block.body) == 1

    def _lost_comments(self, statement: AnyImport, texts: Sequence[str]) -> list[str]:
        old = _COMMENT.findall(self._source.code(statement))
        new = _COMMENT.findall("\n".join(texts))
        return [comment for comment in old if comment not in new]


def _closed(statement: AnyImport, aliases: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
    """Return the names with commas between them; the last one keeps the end of the old list, such as a trailing comma."""
    old = [] if isinstance(statement.names, cst.ImportStar) else list(statement.names)
    last = old[-1].comma if old else cst.MaybeSentinel.DEFAULT
    inner = [alias if isinstance(alias.comma, cst.Comma) else alias.with_changes(comma=_comma()) for alias in aliases[:-1]]
    return [*inner, aliases[-1].with_changes(comma=last)]


def _comma() -> cst.Comma:
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _same(asname: cst.AsName, given: str) -> bool:
    return isinstance(asname.name, cst.Name) and asname.name.value == given


def _module_node(name: str) -> cst.Name | cst.Attribute | None:
    node: cst.Name | cst.Attribute | None = None
    for part in name.split(".") if name else ():
        node = cst.Name(part) if node is None else cst.Attribute(node, cst.Name(part))
    return node
