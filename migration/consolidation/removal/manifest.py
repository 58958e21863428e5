"""The parts of a code base that belong to control, for each surface: `[tool.netra-migration.removal]` of its `pyproject.toml`.

```toml
[tool.netra-migration.removal]
days = 14                 # days in which control must not have run
max-divergence = 0.02     # each stratum's upper bound must be below this rate
public-keys = ["..."]     # Ed25519, base64; a certificate is signed with one

[tool.netra-migration.removal.surfaces.chat]
engines = ["netra_backend/app/agents/supervisor/execution_engine.py"]
adapter = "netra_backend/app/controls/chat.py"
ledger = "ledger/chat.toml"

[tool.netra-migration.removal.tests]
"tests/test_engines.py" = "delete"   # or "keep": none of its tests is cut

[tool.netra-migration.removal.migration]
paths = ["migration", "dashboards"]  # removed with the last surface
words = ["netra-migration"]          # words that must not be left after that
successors = { "netra_backend.app.execution" = "netra_backend.app.serving" }
```
"""

import tomllib
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from migration.errors import ConfigurationError, UnknownSurfaceError

#: The default file name of `netra-migration removal certificate`. If the file is committed, it is part of the tree that it certifies.
CERTIFICATE_NAME: Final = "removal-certificate.json"

_TABLE: Final = "[tool.netra-migration.removal]"


class SurfaceParts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts that belong to control of one surface. Paths are relative to the manifest's folder, with `/`."""

    engines: tuple[str, ...]  #: modules of the legacy engine, and modules that only re-export it
    adapter: str  #: the module that puts the engine behind the surface
    ledger: str  #: the surface's accepted divergences
    tests: tuple[str, ...] = ()  #: test files that need the surface's control without importing it


class MigrationParts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts that are removed when no surface has a control any more.

    Paths are relative to the manifest's folder; a folder means all files in it.
    """

    paths: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  #: words that no remaining file may contain after the removal
    successors: dict[str, str] = {}  #: removed module -> module from which the same names are imported instead


class RemovalManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The parts that belong to control, and the conditions for removing them."""

    surfaces: dict[str, SurfaceParts]
    days: int = 14  #: for this many days all runs must have been at `complete`, and control must not have run
    max_divergence: float = 0.02  #: each stratum's upper bound of the divergence rate must be below this, in (0, 1)
    public_keys: tuple[str, ...] = ()  #: Ed25519, base64 of 32 bytes; a certificate must be signed with one of them
    migration: MigrationParts = MigrationParts()
    test_folders: tuple[str, ...] = ("tests",)  #: a module that only files in these folders import is removed
    tests: dict[
        str, Literal["delete", "keep"]
    ] = {}  #: test file -> it is deleted or kept as a whole; in other test files, only the tests that need removed parts are cut
    history: tuple[str, ...] = ()  #: folders and files that may name removed parts, as long as the migration stays

    def of(self, surface: str) -> SurfaceParts:
        """Return the parts of a surface.

        Raises:
            UnknownSurfaceError: the manifest has no surface of that name.
        """
        if (parts := self.surfaces.get(surface)) is None:
            raise UnknownSurfaceError(surface, self.surfaces)
        return parts


def load_manifest(root: Path) -> RemovalManifest:
    """Return the manifest in the `pyproject.toml` of a folder.

    Raises:
        ConfigurationError: the file cannot be read, lacks the table, or a value in it is wrong.
    """
    file = root / "pyproject.toml"
    try:
        document: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({error}); removal reads {_TABLE} there") from error
    table = document.get("tool", {}).get("netra-migration", {}).get("removal")
    if table is None:
        raise ConfigurationError(f"{file}: has no table {_TABLE}; it names what belongs to control of each surface")
    try:
        manifest = msgspec.convert(table, RemovalManifest)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {_TABLE}: {error}") from error
    if manifest.days < 1 or not 0.0 < manifest.max_divergence < 1.0:
        raise ConfigurationError(f"{file}: {_TABLE}: `days` is 1 or more, `max-divergence` between 0 and 1")
    return manifest
