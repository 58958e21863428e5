"""The evidence from the files of one folder. Each source is read once, and only when a box needs it."""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from migration.consolidation.auditing import AuditProgress, NoProgress, audit
from migration.consolidation.baseline_name import BASELINE_NAME
from migration.consolidation.codemod import CodemodPlan, plan_codemod
from migration.consolidation.configuration import AuditConfiguration, load_configuration
from migration.consolidation.guard import GuardFinding, guard_findings, load_baseline
from migration.consolidation.inventory import Inventory, Role
from migration.consolidation.removal import RemovalManifest, load_manifest
from migration.consolidation.sources.discovery import discover
from migration.consolidation.tracker.rounds import PytestRuns
from migration.consolidation.tracker.testfiles import FileTests, read_test_file
from migration.errors import ConfigurationError

CONFIGURATION: Final = "pyproject.toml"
STAYING: Final = frozenset({"target", "factory"})
_SILENT: Final = NoProgress()


class TrackedTree:
    """The content of a folder.

    Args:
        root: the folder, absolute.
        expected: path to role of each implementation at the beginning of the consolidation, including removed ones.
        own: the tracker's own files, such as its configuration and its page; words in them do not count as uses.
        rounds: the results of test runs; None: the tests were not run.
        cache: folder of the audit's cache; None: there is none.
        progress: called with the progress of the audit.
    """

    def __init__(
        self,
        root: Path,
        expected: Mapping[str, Role],
        *,
        own: frozenset[str] = frozenset({CONFIGURATION}),
        rounds: PytestRuns | None = None,
        cache: Path | None = None,
        progress: AuditProgress = _SILENT,
    ) -> None:
        self.root, self.expected, self.own, self.rounds = root, expected, own, rounds
        self._cache, self._progress = cache, progress
        self._test_files: dict[str, FileTests] = {}

    @cached_property
    def configuration(self) -> AuditConfiguration:
        """The configuration of the audit."""
        return load_configuration(self.root)

    @cached_property
    def inventory(self) -> Inventory:
        """The result of the audit."""
        return audit(self.root, configuration=self.configuration, cache=self._cache, progress=self._progress)

    @cached_property
    def guard_findings(self) -> tuple[GuardFinding, ...]:
        """The differences between the inventory and the guard's baseline."""
        return guard_findings(self.inventory, load_baseline(self.root / BASELINE_NAME))

    @cached_property
    def codemod(self) -> CodemodPlan:
        """The work left for the codemod."""
        return plan_codemod(self.root, audit=self.configuration)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """All code, configuration and documents that an audit reads, sorted."""
        found = discover(self.root, self.configuration)
        return tuple(sorted(file.path for file in (*found.python, *found.configuration, *found.documents)))

    @cached_property
    def legacy(self) -> tuple[str, ...]:
        """Paths of the implementations that must be removed or were removed already."""
        there = [item.path for item in self.inventory.legacy]
        return tuple(dict.fromkeys([*(path for path, role in self.expected.items() if role not in STAYING), *there]))

    @cached_property
    def tools(self) -> dict[str, Any]:
        """The tables `[tool.…]` of the project; {} without a `pyproject.toml`.

        Raises:
            OSError, ValueError: the file cannot be read.
        """
        file = self.root / CONFIGURATION
        document: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig")) if file.is_file() else {}
        tools: dict[str, Any] = document.get("tool", {})
        return tools

    @property
    def pytest_roots(self) -> tuple[str, ...]:
        """Folders in which pytest looks for tests by default; () means everywhere."""
        paths = self.tools.get("pytest", {}).get("ini_options", {}).get("testpaths", [])
        return tuple(paths.split() if isinstance(paths, str) else paths)

    @property
    def manifest(self) -> RemovalManifest | None:
        """The parts that belong to control of each surface; None: the project does not define them.

        Raises:
            ConfigurationError: the manifest cannot be used.
        """
        return load_manifest(self.root) if "removal" in self.tools.get("netra-migration", {}) else None

    def module(self, path: str) -> str:
        """Return the dotted name of an implementation's file, even if it was removed."""
        for item in self.inventory.implementations:
            if item.path == path:
                return item.module
        roots = sorted((root.strip("./") for root in self.configuration.source_roots), key=len, reverse=True)
        for root in filter(None, roots):
            path = path.removeprefix(f"{root}/")
        return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def is_there(self, path: str) -> bool:
        """Return whether there is such a file."""
        return (self.root / path).is_file()

    def bytes_of(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"`{path}` cannot be read: {error.strerror}") from error

    def tests_of(self, path: str) -> FileTests:
        """Return the tests of a file.

        Raises:
            ConfigurationError: the file cannot be read or does not parse.
        """
        if path not in self._test_files:
            try:
                self._test_files[path] = read_test_file(self.bytes_of(path))
            except (SyntaxError, ValueError, RecursionError) as error:
                raise ConfigurationError(f"`{path}` does not parse: {type(error).__name__}") from error
        return self._test_files[path]
