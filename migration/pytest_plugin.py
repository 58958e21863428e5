"""pytest plugin `--engine-parity`: each recorded run that a project keeps as a fixture becomes a test item, which fails if the engines
diverge.

See docs/migration/parity-tests.md. Modules that load slowly are imported on use, because pytest loads this module in every run of every
project that has it installed.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from migration.comparison import Comparer
    from migration.recordings import BadLine, RecordedRun, Skipped
    from migration.reproduce import BothEngines

MARKER: Final = "engine_parity"
_REASONS: Final = 3  #: most reasons that are shown for a file without a run
_DEFAULT_RECORDINGS: Final = "tests/recordings/**/*.jsonl"


class ParityError(Exception):
    """The engines do not agree on a recorded run, or this cannot be determined. The message contains the whole report."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the settings."""
    group = parser.getgroup("engine parity")
    group.addoption("--engine-parity", action="store_true", help="Run recorded runs through both engines; each is a test item.")
    parser.addini(
        "engine_parity_recordings",
        f"Globs below the root folder for recordings; the formats are those of `netra-migration replay`. Default: {_DEFAULT_RECORDINGS}",
        type="linelist",
        default=[_DEFAULT_RECORDINGS],
    )
    parser.addini("engine_parity_engines", "Import string of a callable (surface, origin) -> engine. Default: the project's.")
    parser.addini("engine_parity_ledger", "Folder of <surface>.toml: accepted divergences. Default: the project's, or `ledger`.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and with `--engine-parity` the collector of recordings."""
    config.addinivalue_line("markers", f"{MARKER}: a recorded run that control and candidate must answer alike (--engine-parity)")
    if config.getoption("engine_parity"):
        config.pluginmanager.register(Recordings(config), "engine parity recordings")


class Recordings:
    """Collects recordings and owns the engines that they run on.

    Raises:
        pytest.UsageError: the project cannot be read, no engines are configured, or a glob is not relative.
    """

    def __init__(self, config: pytest.Config) -> None:
        from migration.errors import ConfigurationError
        from migration.project import defaults, find_project, read_project

        self._config = config
        try:
            self.project = find_project(config.rootpath)
            project = read_project(self.project)
            self._folders = tuple(defaults(self.project).get("import_path", ()))
        except ConfigurationError as error:
            raise pytest.UsageError(str(error)) from error
        self._engines: str = config.getini("engine_parity_engines") or project.engines
        at = config.rootpath if self.project is None or config.getini("engine_parity_ledger") else self.project.parent
        self._ledger: Path = at / (config.getini("engine_parity_ledger") or project.ledger)
        #: the surface for conversations; a recording names its own surface
        self.surface = next(iter(project.surfaces), "")
        if not self._engines:
            raise pytest.UsageError(
                "--engine-parity needs the import string of a callable (surface, origin) -> engine: the setting engine_parity_engines, or "
                "`engines` under [tool.netra-migration] in pyproject.toml"
            )
        self._globs: list[str] = config.getini("engine_parity_recordings")
        try:
            self._files = {found.resolve() for pattern in self._globs for found in config.rootpath.glob(pattern)}
        except (NotImplementedError, ValueError) as error:
            raise pytest.UsageError(f"engine_parity_recordings: {error}; write globs relative to {config.rootpath}") from error
        self._collected = False

    @cached_property
    def comparer(self) -> "Comparer":
        """Compares runs with the project's policies and ledgers."""
        from migration.comparison import Comparer

        return Comparer(self._ledger, project=self.project)

    @cached_property
    def engines(self) -> "BothEngines":
        """Both engines; made on first use.

        Raises:
            ConfigurationError: the import string cannot be imported.
        """
        from migration.import_strings import load
        from migration.reproduce import BothEngines

        return BothEngines(load(self._engines, self._folders), comparer=self.comparer)

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect a file of recordings."""
        if file_path.resolve() not in self._files:
            return None
        self._collected = True
        return RecordingFile.from_parent(parent, path=file_path, recordings=self)

    def pytest_collection_modifyitems(self) -> None:
        """Refuse a test session that collected no recording: it would pass without having checked anything."""
        if not self._collected:
            raise pytest.UsageError(
                f"--engine-parity collected no recording: {', '.join(self._globs)} match {len(self._files)} files below "
                f"{self._config.rootpath}, none of them in {', '.join(self._config.args)}"
            )

    def pytest_report_header(self) -> list[str]:
        """Report a missing ledger folder, without which no divergence is accepted."""
        return [] if self._ledger.is_dir() else [f"engine parity: there is no ledger folder {self._ledger}, so no divergence is accepted"]

    def pytest_unconfigure(self) -> None:
        """Close the engines."""
        if "engines" in self.__dict__:
            self.engines.close()


class RecordingFile(pytest.File):
    """A file of recordings."""

    def __init__(self, *, recordings: Recordings, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's own arguments of a node
        super().__init__(**kwargs)
        self._recordings = recordings

    def collect(self) -> Iterator["ParityItem"]:
        """Yield an item for each run, each unreadable line, and each part that is not a run; without a run, one item that fails."""
        from migration.errors import RecordingError
        from migration.recordings import BadLine, RecordedRun, read

        seen: dict[str, int] = {}
        runs, reasons = 0, dict[str, None]()
        try:
            for recorded in read(self.path, surface=self._recordings.surface, project=self._recordings.project):
                if isinstance(recorded, RecordedRun):
                    runs += 1
                    yield self._item(recorded.name, seen, recorded)
                else:
                    reasons[recorded.reason] = None
                    yield self._item(f"line-{recorded.line}", seen, recorded)
        except RecordingError as error:
            reasons[str(error)] = None
        if not runs:
            why = "; ".join([*reasons][:_REASONS]) or "it is empty"
            yield self._item("no-run", seen, BadLine(line=0, reason=f"no run in {self.path.name}: {why}"))

    def _item(self, name: str, seen: dict[str, int], recorded: "RecordedRun | Skipped | BadLine") -> "ParityItem":
        seen[name] = seen.get(name, 0) + 1
        unique = name if seen[name] == 1 else f"{name}-{seen[name]}"
        return ParityItem.from_parent(self, name=unique, recorded=recorded, recordings=self._recordings)


class ParityItem(pytest.Item):
    """A test of one recorded run, to which both engines must react alike."""

    def __init__(self, *, recorded: "RecordedRun | Skipped | BadLine", recordings: Recordings, **kwargs: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(**kwargs)
        self._recorded, self._recordings = recorded, recordings
        self.add_marker(MARKER)

    def runtest(self) -> None:
        """Run both engines on the recording.

        Raises:
            ParityError: the verdict is divergent or inconclusive, or the line cannot be read.
            MigrationError: the engines, the policy or the ledger cannot be used.
        """
        from migration.model import Verdict
        from migration.recordings import BadLine, Skipped
        from migration.reproduce import report

        match self._recorded:
            case BadLine(line=line, reason=reason):
                raise ParityError(f"{self.path}:{line}: {reason}")
            case Skipped(reason=reason):
                pytest.skip(reason)
            case recorded:
                # The ledger is loaded here so that an invalid one is reported as such; inside the comparison it would only make the
                # comparison inconclusive.
                self._recordings.comparer.ledger(recorded.request.surface)
                compared = self._recordings.engines.compare(recorded)
                if compared.comparison.verdict in {Verdict.DIVERGENT, Verdict.INCONCLUSIVE}:
                    raise ParityError(report(compared, show_values=self.config.get_verbosity() > 0))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401 - pytest's signature
        """Return the report of a divergence or the message of a migration error; for any other error, its traceback."""
        from migration.errors import MigrationError

        if isinstance(excinfo.value, ParityError | MigrationError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the item's place and name."""
        return self.path, None, f"engine parity: {self.name}"
