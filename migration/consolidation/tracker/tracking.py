"""Makes the steps of a folder's consolidation."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from migration.consolidation.auditing import AuditProgress, NoProgress
from migration.consolidation.tracker.builtin import boxes_of
from migration.consolidation.tracker.checks import Check
from migration.consolidation.tracker.configuration import TrackerConfiguration, load_tracker_configuration
from migration.consolidation.tracker.rounds import PytestRuns, run_rounds
from migration.consolidation.tracker.steps import TITLES, Box, Judgement, TrackerStep
from migration.consolidation.tracker.testing import Named, Stable
from migration.consolidation.tracker.tree import CONFIGURATION, TrackedTree
from migration.errors import ConfigurationError, MigrationError

_SILENT: Final = NoProgress()


def track(
    root: Path, *, rounds: PytestRuns | None = None, cache: Path | None = None, progress: AuditProgress = _SILENT
) -> tuple[TrackerStep, ...]:
    """Return the steps of the consolidation of a folder, 0 to 6.

    Without rounds the result depends on the folder's files alone.

    Args:
        root: the folder.
        rounds: the results of test runs, see `run_tests`; None: boxes about tests are judged by the test files alone.
        cache: folder of the audit's cache; None: there is none.
        progress: called with the progress of the audit.

    Raises:
        ConfigurationError: `root` is not a folder, or a configuration is wrong.
    """
    root = _folder(root)
    configuration = load_tracker_configuration(root)
    own = frozenset(filter(None, [CONFIGURATION, configuration.file, configuration.page]))
    tree = TrackedTree(root, configuration.implementations, own=own, rounds=rounds, cache=cache, progress=progress)
    return tuple(
        TrackerStep(step=number, title=title, boxes=tuple(_box(check, tree) for check in (*boxes_of(name, tree), *configuration.of(name))))
        for number, (name, title) in enumerate(TITLES.items())
    )


def run_tests(root: Path, tell: Callable[[str], None]) -> PytestRuns:
    """Run the tests that a project's boxes name, as often in a row as the project's `rounds` says.

    Args:
        root: the folder.
        tell: called with a text about each round that begins.

    Raises:
        ConfigurationError: `root` is not a folder, a configuration is wrong, or no box names an existing test.
    """
    root = _folder(root)
    configuration = load_tracker_configuration(root)
    tests = tuple(_to_run(configuration, root))
    if not tests:
        raise ConfigurationError(f"{root}: no box names existing tests; add some to [tool.netra-migration.tracker]")
    return run_rounds(root, tests, configuration.rounds, tell)


def _folder(root: Path) -> Path:
    root = root.resolve()
    if not root.is_dir():
        raise ConfigurationError(f"{root}: no such folder; give the folder to track")
    return root


def _box(check: Check, tree: TrackedTree) -> Box:
    try:
        judged = check.judge(tree)
    except (MigrationError, OSError, ValueError) as error:
        reason = str(error).replace(f"{tree.root}/", "")  # the page must not depend on the folder's place
        judged = Judgement(done=False, evidence=f"The evidence cannot be read: {reason}")
    return Box(text=check.text, done=judged.done, evidence=judged.evidence, command=check.command)


def _to_run(configuration: TrackerConfiguration, root: Path) -> Iterator[str]:
    """Yield the arguments for pytest: files and folders, then tests outside them.

    Missing files are left out, because pytest would stop at them.
    """
    checks = [check for name in TITLES for check in configuration.of(name)]
    wanted = _unique(test for check in checks if isinstance(check, Named | Stable) for test in check.tests)
    wholes = [test for test in wanted if "::" not in test and (root / test).exists()]
    yield from wholes
    tree = TrackedTree(root, {})
    for test in wanted:
        path, _, name = test.partition("::")
        if name and not any(path == whole or path.startswith(f"{whole.rstrip('/')}/") for whole in wholes) and _has(tree, path, name):
            yield test


def _has(tree: TrackedTree, path: str, name: str) -> bool:
    try:
        return name in tree.tests_of(path).faults
    except ConfigurationError:
        return False


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
