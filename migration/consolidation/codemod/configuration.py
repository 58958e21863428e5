"""What the codemod may do: `[tool.netra-migration.codemod]` of the closest `pyproject.toml`, before the rules for the seven engines."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from migration.consolidation.codemod.rules import Rule, parse_rule
from migration.errors import ConfigurationError

_TABLE: Final = "[tool.netra-migration.codemod]"
_OBJECT: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_SUPERVISOR: Final = "netra_backend.app.agents.supervisor"
# Put together, so that the audit does not count the rules among the users of what they are about.
_DEPRECATED: Final = f"{_SUPERVISOR}.execution_engine"
_SCOPED: Final = f"{_SUPERVISOR}.request_scoped_execution_engine"

#: Calls of the seven engines whose arguments are all that the target's method needs.
_METHODS: Final = (
    (f"{_DEPRECATED}:ExecutionEngine.execute_agent(context, user_context=...)", "{self}.execute_agent({context})"),
    (
        f"{_DEPRECATED}:ExecutionEngine.execute_pipeline(steps, context, user_context=...)",
        "{self}.execute_agent_pipeline({steps}, {context})",
    ),
    (f"await {_DEPRECATED}:ExecutionEngine.get_execution_stats()", "{self}.get_user_execution_stats()"),
    (f"{_DEPRECATED}:ExecutionEngine.shutdown()", "{self}.cleanup()"),
    (f"{_SCOPED}:RequestScopedExecutionEngine.execute_agent(context, state=None)", "{self}.execute_agent({context})"),
    (f"{_SCOPED}:RequestScopedExecutionEngine.get_execution_stats()", "{self}.get_user_execution_stats()"),
)
#: Calls that make one of the seven. The application's factory knows the agents and the emitters, so these wait until it is named.
_CONSTRUCTORS: Final = (
    f"{_DEPRECATED}:ExecutionEngine(registry, websocket_bridge, user_context@execute_agent)",
    f"{_DEPRECATED}:ExecutionEngine._init_from_factory(registry, websocket_bridge, user_context)",
    f"{_DEPRECATED}:create_request_scoped_engine(user_context, registry, websocket_bridge)",
    f"{_SCOPED}:RequestScopedExecutionEngine(user_context, registry, websocket_bridge, max_concurrent_executions=3)",
    f"{_SCOPED}:create_request_scoped_engine(user_context, registry, websocket_bridge, max_concurrent_executions=3)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodemodConfiguration:
    """What becomes of what."""

    rules: Mapping[str, Sequence[Rule]] = field(default_factory=dict)  #: by callee; the first that fits a call is taken
    names: Mapping[str, str] = field(default_factory=dict)  #: `module:Class` to `module:Class`; any other legacy class becomes the target
    file: Path | None = None  #: where the rules stand; None: nowhere, they are the built-in ones
    written: tuple[str, ...] = ()  #: the old forms in that file


class _Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old: str
    new: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calls: tuple[_Call, ...] = ()
    names: dict[str, str] = {}
    factory: str | None = None


def load_codemod_configuration(root: Path, file: Path | None = None) -> CodemodConfiguration:
    """Return the configuration for a folder.

    Args:
        root: the folder, absolute.
        file: a TOML file, with the table or without; None: the closest `pyproject.toml` with the table, from `root` upwards.

    Raises:
        ConfigurationError: the file cannot be read, or something in the table is wrong.
    """
    candidates = [file] if file is not None else [folder / "pyproject.toml" for folder in (root, *root.parents)]
    for candidate in candidates:
        if candidate.is_file() and (table := _read(candidate)) is not None:
            return _configuration(table, f"{candidate}: {_TABLE}", candidate)
    return _configuration(_Table(), _TABLE)


def _read(file: Path) -> _Table | None:
    try:
        document: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({error}); repair it") from error
    table = document.get("tool", {}).get("netra-migration", {}).get("codemod")
    if table is None:
        return None
    try:
        return msgspec.convert(table, _Table)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {_TABLE}: {error}") from error


def _configuration(table: _Table, where: str, file: Path | None = None) -> CodemodConfiguration:
    for text in (*table.names, *table.names.values(), *([table.factory] if table.factory is not None else [])):
        if _OBJECT.fullmatch(text) is None:
            raise ConfigurationError(f"{where}: {text!r} is no `module:Name`")
    rules: dict[str, list[Rule]] = {}
    for old, new in _calls(table):
        rule = parse_rule(old, new, where)
        rules.setdefault(rule.callee, []).append(rule)
    written = (*(call.old for call in table.calls), *table.names)
    return CodemodConfiguration(rules=rules, names=table.names, file=file, written=written)


def _calls(table: _Table) -> Iterator[tuple[str, str]]:
    yield from ((call.old, call.new) for call in table.calls)
    yield from _METHODS
    if table.factory is not None:
        yield from ((old, f"await {table.factory}.create_for_user({{user_context}})") for old in _CONSTRUCTORS)
