"""The subject of an audit: `[tool.netra-migration.audit]` of the closest `pyproject.toml`.

If a tree has no such table, or the table names no target, then the target, the factory, the roles and the class patterns of the project
in the settings are used. So an audit can find the engines of a project in other trees too.
"""

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from migration.consolidation.inventory import Role
from migration.errors import ConfigurationError
from migration.project import find_project

_TABLE: Final = "[tool.netra-migration.audit]"
_SHORTEST_LITERAL: Final = 4

#: Never part of a project: version control, environments, caches.
_ALWAYS_EXCLUDED: Final = (
    ".git", ".hg", ".svn", ".venv", ".tox", ".nox", ".eggs", "node_modules", "__pycache__",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache",
)  # fmt: skip

#: Usually the output of a build, but a package may have such a name too.
BUILD_RESULTS: Final = ("build", "dist")


class RoleOverride(msgspec.Struct, frozen=True):
    """A role that a person decided, with the reason."""

    role: Role
    reason: str  #: "" if no reason was given


class AuditConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The names to find and the files to search. Paths are relative to `base`, with `/`."""

    base: str  #: absolute path of the folder that paths are relative to
    explicit: bool  #: a person wrote the table, so a missing target is an error
    classes: tuple[str, ...] = ("*ExecutionEngine",)  #: shell patterns of class names
    target: str = ""  #: `module:Class` of the class that stays; if read from a file, never empty
    factory: str = ""  #: `module:Class` of the factory; empty: there is none
    roles: dict[str, RoleOverride] = {}
    exclude: tuple[str, ...] = ()  #: folders or files, as paths or shell patterns of paths
    doubles: tuple[str, ...] = ("tests", "test")  #: folder names whose classes are test doubles: consumers, never implementations
    source_roots: tuple[str, ...] = (".", "src")  #: folders where absolute imports start
    shape_share: float = 0.6  #: a class with this share of the target's public methods is an implementation

    def literals(self) -> tuple[str, ...]:
        """Return, for each class pattern, its longest run of plain characters, which every matching name contains."""
        return tuple(sorted({_literal(pattern) for pattern in self.classes}))

    def stems(self) -> tuple[str, ...]:
        """Return the literals in the usual spelling of module names: `ExecutionEngine` becomes `execution_engine`."""
        return tuple(re.sub(r"(?<=[^_A-Z])(?=[A-Z])", "_", literal).lower() for literal in self.literals())

    def matches_class(self, name: str) -> bool:
        """Return whether a class of this name belongs to the family."""
        return any(fnmatchcase(name, pattern) for pattern in self.classes)

    def prefix(self, root: Path) -> str:
        """Return the prefix that turns a path relative to `root` into one relative to `base`: a folder and `/`, or "" if `root` is `base`
        or is not in it.
        """
        base = Path(self.base)
        return root.relative_to(base).as_posix() + "/" if root != base and root.is_relative_to(base) else ""

    def excludes(self, path: str) -> bool:
        """Return whether the audit leaves out the file or folder at this path relative to `base`."""
        return path.rpartition("/")[2] in _ALWAYS_EXCLUDED or self.is_listed(path)

    def is_listed(self, path: str) -> bool:
        """Return whether the setting `exclude` leaves out the file or folder at this path relative to `base`."""
        return any(path == pattern or fnmatchcase(path, pattern) for pattern in self.exclude)


def load_configuration(root: Path, file: Path | None = None) -> AuditConfiguration:
    """Return the configuration for a folder.

    Args:
        root: the audited folder.
        file: a TOML file with the table; None: the closest `pyproject.toml` that has the table, from `root` upwards.

    Raises:
        ConfigurationError: the file cannot be read, lacks the table, or a value in it is wrong; or no target is named.
    """
    if file is not None:
        table = _table(file)
        if table is None:
            raise ConfigurationError(f"{file}: has no table {_TABLE}; add it or leave --config out")
        return _parse(table, file, str(file.parent.resolve()))
    for folder in (root, *root.parents):
        candidate = folder / "pyproject.toml"
        if candidate.is_file() and (table := _table(candidate)) is not None:
            return _parse(table, candidate, str(candidate.parent.resolve()))
    return _parse({}, root, str(_default_base(root)))


def _family(table: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the part of the project's table that defines the family, for a table without its own target.

    Raises:
        ConfigurationError: no project is found, or the project does not name a target either.
    """
    if "target" in table:
        return {}
    project = find_project()
    found = None if project is None else _table(project)
    if found is None or "target" not in found:
        where = f"of {project}" if project is not None else f"of {file if file.is_file() else file / 'pyproject.toml'}"
        raise ConfigurationError(
            f'it is not configured which class will stay: write `target = "package.module:Class"` under {_TABLE} {where}, or give --config'
        )
    return {name: found[name] for name in ("target", "factory", "classes", "roles") if name in found}


def _default_base(root: Path) -> Path:
    """Return the folder above the package that contains `root`, so that the project's paths are valid inside a package too."""
    folder = root
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def _table(file: Path) -> dict[str, Any] | None:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({error}); repair it") from error
    table = document.get("tool", {}).get("netra-migration", {}).get("audit")
    return dict(table) if isinstance(table, dict) else None


def _parse(table: dict[str, Any], file: Path, base: str) -> AuditConfiguration:
    known = {name.replace("_", "-") for name in AuditConfiguration.__struct_fields__} - {"base", "explicit"}
    for key in table:
        if key not in known:
            raise ConfigurationError(f"{file}: {_TABLE} has no setting {key!r}; it has {', '.join(sorted(known))}")
    family = _family(table, file)
    if not all(isinstance(one.get("roles", {}), dict) for one in (family, table)):
        raise ConfigurationError(f"{file}: {_TABLE}: roles must be a table: path of a file = role, and after a colon the reason")
    written = {**family, **table, "roles": {**family.get("roles", {}), **table.get("roles", {})}}
    values = {key.replace("-", "_"): value for key, value in written.items()}
    roles = {path: _override(text, path, file) for path, text in values.pop("roles").items()}
    try:
        configuration = msgspec.convert({**values, "base": base, "explicit": "target" in table}, AuditConfiguration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {_TABLE}: {error}") from error
    configuration = msgspec.structs.replace(configuration, roles=roles)
    _check(configuration, file)
    return configuration


def _override(text: object, path: str, file: Path) -> RoleOverride:
    role, _, reason = str(text).partition(":")
    try:
        return RoleOverride(msgspec.convert(role.strip(), Role), reason.strip())
    except msgspec.ValidationError:
        raise ConfigurationError(
            f"{file}: {_TABLE}: {path} has the unknown role {role!r}; use one of: {', '.join(get_args(Role))}"
        ) from None


def _check(configuration: AuditConfiguration, file: Path) -> None:
    for setting in ("target", "factory"):
        value = getattr(configuration, setting)
        if (value or setting == "target") and not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", value):
            raise ConfigurationError(f"{file}: {_TABLE}: {setting} = {value!r} is not a `module:Class`")
    for pattern in configuration.classes:
        if len(_literal(pattern)) < _SHORTEST_LITERAL:
            raise ConfigurationError(
                f"{file}: {_TABLE}: the class pattern {pattern!r} is too general; give {_SHORTEST_LITERAL} plain characters in a row"
            )
    if not 0.0 < configuration.shape_share <= 1.0:
        raise ConfigurationError(f"{file}: {_TABLE}: shape-share must be above 0 and at most 1")


def _literal(pattern: str) -> str:
    return max(re.split(r"[*?]|\[[^]]*\]", pattern), key=len)
