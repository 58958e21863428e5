"""Checks of tests: that they exist and can fail, and that CI runs them."""

from typing import Final

from migration.consolidation.tracker.checks import Check, code, counted, judgement, shell
from migration.consolidation.tracker.steps import Judgement
from migration.consolidation.tracker.testfiles import is_test_file
from migration.consolidation.tracker.tree import TrackedTree

_RUN: Final = shell("netra-migration", "tracker", "--run")


class Named(Check, frozen=True, kw_only=True, tag="tests"):
    """Tests exist and pytest runs them: none is skipped, expected to fail, or empty."""

    tests: tuple[str, ...]  #: `tests/test_it.py::test_it`; without `::`: all tests of the file

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if each test can fail; after a run, also only if each test passed."""
        faults = [fault for test in self.tests if (fault := _fault(tree, test)) is not None]
        if not self.tests:
            faults.append("no test is named")
        return judgement(faults, f"{counted(sum(len(_named(tree, test)) for test in self.tests), 'test')}." if not faults else "")

    @property
    def command(self) -> str:
        """The command that runs the tests."""
        return shell("pytest", *self.tests)


class KeptCheck(Named, frozen=True, kw_only=True, tag="kept"):
    """Tests show a defect of an implementation that must be removed."""

    of: str  #: the implementation's path

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box as for other tests, or if the implementation was removed, since its tests may be removed with it."""
        if not tree.is_there(self.of):
            return Judgement(done=True, evidence=f"{code(self.of)} was removed, and the defect with it.")
        return super().judge(tree)


class Runs(Check, frozen=True, kw_only=True, tag="runs"):
    """A file of commands, such as CI's, runs certain commands."""

    file: str
    commands: tuple[str, ...]  #: each must be in a line that is not a comment

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if the file runs all commands."""
        faults = [] if self.commands else ["no command is named"]
        faults += [f"{code(self.file)} does not run {code(command)}" for command in self.commands if not _runs(tree, self.file, command)]
        return judgement(faults, f"{code(self.file)} does.")

    @property
    def command(self) -> str:
        """The command that shows the lines with the commands."""
        return shell("grep", "-nF", *(part for command in self.commands for part in ("-e", command)), self.file)


class Stable(Check, frozen=True, kw_only=True, tag="stable"):
    """CI runs tests several times in a row, and every round must be green. A run of the tracker shows that."""

    tests: tuple[str, ...]  #: files and folders of tests
    ci: str  #: file with CI's commands, which must run `netra-migration tracker --run`

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if CI runs the rounds; after a run of the tracker, if each round of that run was green."""
        faults = [f"{code(path)} does not exist" for path in self.tests if not (tree.root / path).exists()]
        if not self.tests:
            faults.append("no test is named")
        if tree.rounds is not None:
            faults += list(dict.fromkeys(fault for path in self.tests if (fault := tree.rounds.fault(path)) is not None))
            if not tree.rounds.green:
                faults.append(f"{len(tree.rounds.rounds)} of {tree.rounds.wanted} rounds were run, the last one was red")
            return judgement(faults, f"{counted(tree.rounds.wanted, 'green round')}.")
        if not _runs(tree, self.ci, _RUN):
            faults.append(f"{code(self.ci)} does not run {code(_RUN)}")
        return judgement(faults, f"{code(self.ci)} runs them.")

    @property
    def command(self) -> str:
        """The command that runs the rounds."""
        return _RUN


def _runs(tree: TrackedTree, file: str, command: str) -> bool:
    lines = tree.bytes_of(file).decode().splitlines()
    return bool(command) and any(command in line for line in lines if not line.lstrip().startswith("#"))


def _fault(tree: TrackedTree, test: str) -> str | None:
    """Return why a test, or a test file, proves nothing; None: its tests can fail."""
    path, _, name = test.partition("::")
    if not tree.is_there(path):
        return f"{code(path)} does not exist"
    if not _is_collected(tree, path):
        return f"pytest does not collect tests from {code(path)}"
    faults = tree.tests_of(path).faults
    if not faults or (name and name not in faults):
        return f"{code(path)} has no {code(name) if name else 'tests'}"
    return next((fault for each in ((name,) if name else faults) if (fault := _fault_of(tree, path, each)) is not None), None)


def _fault_of(tree: TrackedTree, path: str, name: str) -> str | None:
    if (fault := tree.tests_of(path).faults[name]) is not None:
        return f"{code(name)} proves nothing: {fault}"
    if tree.rounds is not None and not tree.rounds.passed(f"{path}::{name}"):
        return f"{code(name)} did not pass in every round"
    return None


def _is_collected(tree: TrackedTree, path: str) -> bool:
    roots = [root.rstrip("/") for root in tree.pytest_roots]
    return is_test_file(path) and (not roots or any(root in {".", path} or path.startswith(f"{root}/") for root in roots))


def _named(tree: TrackedTree, test: str) -> tuple[str, ...]:
    path, _, name = test.partition("::")
    return (name,) if name else tree.tests_of(path).sound
