"""The boxes of a project: `[tool.netra-migration.tracker]` of its `pyproject.toml`.

```toml
[tool.netra-migration.tracker]
page = "docs/tracker.md"                         # where the page is kept
rounds = 3                                       # how often `--run` runs the tests in a row

[tool.netra-migration.tracker.implementations]   # the implementations at the beginning; none may be added, and a removed one is ticked off
"shop/orders/repository.py" = "target"
"shop/legacy/orders.py" = "deprecated"

[[tool.netra-migration.tracker.discover]]        # or audit, tests, plan, execute, stability, close: a box of that step
text = "It is decided how orders move."
check = "files"                                  # or tests, only-in, runs, stable
files = ["docs/decisions/orders.md"]

[tool.netra-migration.tracker.kept."shop/legacy/orders.py"]   # boxes of step 1: its defects, and the tests that show them
"Two users see each other's orders." = ["tests/test_orders.py::test_orders_of_others"]
```

Instead, the table may contain only `file = "docs/tracker.toml"`. That file has the same content at its top level, and may still name
removed files.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from migration.consolidation.inventory import Role
from migration.consolidation.tracker.files import OnlyIn, WrittenCheck
from migration.consolidation.tracker.steps import StepName
from migration.consolidation.tracker.testing import KeptCheck, Named, Runs, Stable
from migration.consolidation.tracker.tree import CONFIGURATION
from migration.errors import ConfigurationError

_TABLE: Final = "[tool.netra-migration.tracker]"

AnyCheck = Named | Stable | Runs | WrittenCheck | OnlyIn


class TrackerConfiguration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The boxes of a project, in addition to the built-in ones."""

    file: str | None = None  #: the file with all other keys at its top level; None: they are in `pyproject.toml` itself
    page: str = "docs/tracker.md"  #: the file of the page; names in it do not count as uses
    rounds: int = 3  #: how often in a row `--run` runs the tests; 1 or more
    kept: dict[str, dict[str, tuple[str, ...]]] = {}  #: path of an implementation -> one of its defects -> tests that show the defect
    implementations: dict[str, Role] = {}  #: path -> role of each implementation at the beginning; {}: only the audit finds them
    audit: tuple[AnyCheck, ...] = ()
    discover: tuple[AnyCheck, ...] = ()
    tests: tuple[AnyCheck, ...] = ()
    plan: tuple[AnyCheck, ...] = ()
    execute: tuple[AnyCheck, ...] = ()
    stability: tuple[AnyCheck, ...] = ()
    close: tuple[AnyCheck, ...] = ()

    def of(self, step: StepName) -> tuple[AnyCheck | KeptCheck, ...]:
        """Return the project's own boxes of a step."""
        boxes: tuple[AnyCheck, ...] = getattr(self, step)
        if step != "discover":
            return boxes
        kept = [KeptCheck(text=text, of=path, tests=tests) for path, defects in self.kept.items() for text, tests in defects.items()]
        return (*kept, *boxes)


def load_tracker_configuration(root: Path) -> TrackerConfiguration:
    """Return the configuration in the `pyproject.toml` of a folder; without the table, a configuration that adds nothing.

    Raises:
        ConfigurationError: the file cannot be read, or a value in the table is wrong.
    """
    file = root / CONFIGURATION
    if not file.is_file():
        return TrackerConfiguration()
    table: dict[str, Any] = _read(file).get("tool", {}).get("netra-migration", {}).get("tracker", {})
    if "file" not in table:
        return _parse(table, f"{file}: {_TABLE}")
    if len(table) > 1 or not isinstance(table["file"], str):
        raise ConfigurationError(f"{file}: {_TABLE}: `file` names the file with all other keys, so it must be the only key")
    return msgspec.structs.replace(_parse(_read(root / table["file"]), str(root / table["file"])), file=table["file"])


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({error}); repair it") from error


def _parse(table: dict[str, Any], where: str) -> TrackerConfiguration:
    try:
        configuration = msgspec.convert(table, TrackerConfiguration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}") from error
    for path in configuration.kept:
        if path not in configuration.implementations:
            raise ConfigurationError(f"{where}: `kept` names {path!r}, which is not among `implementations`; correct one of them")
    if configuration.rounds < 1 or configuration.file is not None:
        raise ConfigurationError(f"{where}: `rounds` is 1 or more, and `file` is only allowed in {CONFIGURATION}")
    return configuration
