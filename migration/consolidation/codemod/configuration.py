"""What the codemod may do: `[tool.netra-migration.codemod]` of the closest `pyproject.toml`; it takes precedence over the table of the
project that is found.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from migration.consolidation.codemod.rules import CodemodRule, ObjectName, parse_rule
from migration.errors import ConfigurationError
from migration.project import find_project

_TABLE: Final = "[tool.netra-migration.codemod]"
_OBJECT: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodemodConfiguration:
    """The rules of the codemod."""

    rules: Mapping[str, Sequence[CodemodRule]] = field(default_factory=dict)  #: rules by callee; the first rule that fits a call is used
    names: Mapping[str, str] = field(default_factory=dict)  #: `module:Class` to `module:Class`; any other legacy class becomes the target
    file: Path | None = None  #: the file with the rules; None: there is none
    written: tuple[str, ...] = ()  #: the old form of each rule in `file`

    @property
    def modules(self) -> frozenset[str]:
        """The modules that the new forms name."""
        return frozenset((*(piece.module for piece in self._objects), *(text.partition(":")[0] for text in self.names.values())))

    @property
    def made(self) -> frozenset[str]:
        """The names that the new forms bring into a file."""
        return frozenset((*(piece.name for piece in self._objects), *(text.partition(":")[2] for text in self.names.values())))

    @property
    def _objects(self) -> Iterator[ObjectName]:
        return (piece for rules in self.rules.values() for rule in rules for piece in rule.new if isinstance(piece, ObjectName))


class _Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old: str
    new: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calls: tuple[_Call, ...] = ()
    names: dict[str, str] = {}
    factory: str | None = None  #: `module:name` that makes the target; until it is set, calls that make legacy engines are kept
    constructors: tuple[str, ...] = ()  #: calls that make a legacy engine
    rules: str = ""  #: path of a TOML file with more of this table, from this file's folder; exclude it from audits
    create: str = ""  #: the call on the factory that replaces the constructors, e.g. "create_for({user})"


def load_codemod_configuration(root: Path, file: Path | None = None) -> CodemodConfiguration:
    """Return the configuration for a folder.

    Args:
        root: the folder, absolute.
        file: a TOML file, whose content is the table or contains it; None: the closest `pyproject.toml` with the table, from `root`
            upwards.

    Raises:
        ConfigurationError: the file cannot be read, or something in the table is wrong.
    """
    candidates = [file] if file is not None else [folder / "pyproject.toml" for folder in (root, *root.parents)]
    for candidate in candidates:
        if candidate.is_file() and (table := _read(candidate)) is not None:
            return _configuration(table, f"{candidate}: {_TABLE}", candidate)
    return _configuration(_Table(), _TABLE)


def _of_the_project() -> _Table:
    project = find_project()
    return (None if project is None else _read(project)) or _Table()


def _read(file: Path) -> _Table | None:
    try:
        document: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({error}); repair it") from error
    table = document.get("tool", {}).get("netra-migration", {}).get("codemod")
    if table is None:
        return None
    try:
        found = msgspec.convert(table, _Table)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {_TABLE}: {error}") from error
    return _together(found, _more(file, found.rules)) if found.rules else found


def _more(file: Path, rules: str) -> _Table:
    named = file.parent / rules
    if named.resolve() == file.resolve() or (more := _read(named)) is None:
        raise ConfigurationError(f"{file}: {_TABLE}: rules = {rules!r} is not a TOML file with more of this table; correct the path")
    return more


def _together(table: _Table, more: _Table) -> _Table:
    return _Table(
        calls=(*table.calls, *more.calls),
        names={**more.names, **table.names},
        factory=table.factory or more.factory,
        constructors=(*table.constructors, *more.constructors),
        create=table.create or more.create,
    )


def _configuration(table: _Table, where: str, file: Path | None = None) -> CodemodConfiguration:
    for text in (*table.names, *table.names.values(), *([table.factory] if table.factory is not None else [])):
        if _OBJECT.fullmatch(text) is None:
            raise ConfigurationError(f"{where}: {text!r} is not a `module:Name`")
    rules: dict[str, list[CodemodRule]] = {}
    for old, new in _calls(table, _of_the_project()):
        rule = parse_rule(old, new, where)
        rules.setdefault(rule.callee, []).append(rule)
    written = (*(call.old for call in table.calls), *table.names)
    return CodemodConfiguration(rules=rules, names=table.names, file=file, written=written)


def _calls(table: _Table, project: _Table) -> Iterator[tuple[str, str]]:
    """Yield each old form with its new form: first the table's, then the project's.

    The table's factory takes precedence over the project's.
    """
    yield from dict.fromkeys((call.old, call.new) for call in (*table.calls, *project.calls))
    factory = table.factory or project.factory
    made = dict.fromkeys(project.constructors, project.create) | dict.fromkeys(table.constructors, table.create or project.create)
    if factory is not None:
        yield from ((old, f"await {factory}.{create}") for old, create in made.items() if create)
