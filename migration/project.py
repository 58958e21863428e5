"""The project whose engines are replaced: `[tool.netra-migration]` of its `pyproject.toml`, or of the TOML file that a setting names.

```toml
[tool.netra-migration]
engines = "shop.engines:build"            # an EngineBuilder: (surface, origin) -> Engine
ledger = "ledger"                         # folder of <surface>.toml: accepted divergences

[tool.netra-migration.surfaces]           # each surface, and the TOML file with its rules
support = "migration/support.toml"

[tool.netra-migration.ramps]              # ramps of surfaces that do not use the built-in ramp
support = "migration/support-ramp.toml"
```

Paths are relative to the file. The file's values are defaults of the settings; a variable `NETRA_MIGRATION_*` takes precedence.
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from migration.errors import UnconfiguredSurfaceError
from migration.toml_text import TomlText

VARIABLE: Final = "NETRA_MIGRATION_PROJECT"
TABLE: Final = ("tool", "netra-migration")
_NAME: Final = "pyproject.toml"


class Project(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The project's own configuration. Import strings have the form package.module:name; empty: there is none."""

    engines: str = ""  #: import string of an `EngineBuilder`
    reading_engines: str = ""  #: import string of a function that opens `ReadingEngines`
    conversations: str = ""  #: import string of a `ConversationCheck`
    stores: str = ""  #: import string of a `StoresOpener`
    tenant_rule: str = ""  #: import string of a callable that gets a tenant's id and raises ValueError if the project does not accept it
    demo: str = ""  #: import string of a `typer.Typer` with one command, which `netra-migration demo` runs
    ledger: str = "ledger"  #: folder
    import_path: tuple[str, ...] = ()  #: folders of modules that are not installed, for processes that import the engines
    surfaces: dict[str, str] = {}  #: surface -> its TOML file, in the order in which surfaces are listed
    ramps: dict[str, str] = {}  #: surface -> the TOML file of its ramp; a surface without one uses the built-in ramp
    #: Tables that other modules read.
    audit: dict[str, Any] = {}
    codemod: dict[str, Any] = {}
    removal: dict[str, Any] = {}
    tracker: dict[str, Any] = {}


_NONE: Final = Project()


def find_project(start: Path | None = None) -> Path | None:
    """Return the file that the variable NETRA_MIGRATION_PROJECT names, or the closest `pyproject.toml` with the table; None: there is none.

    Args:
        start: the folder to start at; the search continues upwards; None: the working directory.

    Raises:
        ConfigurationError: a `pyproject.toml` on the way cannot be read.
    """
    if named := os.environ.get(VARIABLE):
        return _file(Path(named))
    folder = (start or Path.cwd()).absolute()
    return next((file for file in _upwards(folder) if "netra-migration" in _text(file).document.get("tool", {})), None)


def read_project(file: Path | None) -> Project:
    """Return the file's content; for None, an empty project.

    Raises:
        ConfigurationError: the file cannot be read, or its table has an unknown key or a value of a wrong type; the message names the line.
    """
    return _NONE if file is None else _text(_file(file)).read(Project, *TABLE)


def surface_file(project: Path | None, surface: str) -> Path:
    """Return the TOML file of a surface.

    Raises:
        UnconfiguredSurfaceError: the project does not name one; the message says where to add it.
        ConfigurationError: see `read_project`.
    """
    surfaces = read_project(project).surfaces
    if project is None or surface not in surfaces:
        raise UnconfiguredSurfaceError(surface, surfaces, None if project is None else str(_file(project)))
    return _file(project).parent / surfaces[surface]


def ramp_file(project: Path | None, surface: str) -> Path | None:
    """Return the TOML file of a surface's ramp; None: the project does not name one. Raises ConfigurationError: see `read_project`."""
    named = read_project(project).ramps.get(surface)
    return None if project is None or named is None else _file(project).parent / named


def defaults(file: Path | None) -> dict[str, Any]:
    """Return the settings that the project defines, by name; for None, no settings.

    Raises:
        ConfigurationError: see `read_project`.
    """
    if file is None:
        return {}
    file, project = _file(file), read_project(file)
    strings = {
        name: value
        for name in ("engines", "reading_engines", "conversations", "stores", "tenant_rule")
        if (value := getattr(project, name))
    }
    folders = {"ledger_dir": file.parent / project.ledger, "import_path": tuple(str(file.parent / one) for one in project.import_path)}
    return strings | folders | {"project": file, "surfaces": tuple(project.surfaces)}


def _file(named: Path) -> Path:
    named = named.absolute()
    return named / _NAME if named.is_dir() else named


def _upwards(folder: Path) -> Iterator[Path]:
    return (file for one in (folder, *folder.parents) if (file := one / _NAME).is_file())


def _text(file: Path) -> TomlText:
    try:
        status = file.stat()
    except OSError:
        return TomlText.of(file, "the project's configuration")
    return _read(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _read(file: Path, _mtime_ns: int, _size: int) -> TomlText:
    return TomlText.of(file, "the project's configuration")
