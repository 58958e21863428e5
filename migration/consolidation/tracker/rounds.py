"""Runs tests repeatedly and records the outcome of each."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec


class PytestRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of pytest."""

    exit_code: int  #: pytest's exit code; 0: every test passed or was skipped
    outcomes: dict[str, set[str]]  #: test without its parameters -> the outcomes of its variants


class PytestRuns(msgspec.Struct, frozen=True):
    """The result of running the tests."""

    rounds: tuple[PytestRun, ...]
    wanted: int  #: wanted number of rounds; fewer were run if one of them was red

    @property
    def green(self) -> bool:
        """Whether all wanted rounds were run, and pytest succeeded in each."""
        return len(self.rounds) == self.wanted and all(item.exit_code == 0 for item in self.rounds)

    def passed(self, test: str) -> bool:
        """Return whether a test passed, with all its parameters and in every round."""
        return bool(self.rounds) and all(item.outcomes.get(test) == {"passed"} for item in self.rounds)

    def fault(self, prefix: str) -> str | None:
        """Return why the tests below a path are not stable; None: they are."""
        for number, item in enumerate(self.rounds, 1):
            outcomes = {
                test: found for test, found in item.outcomes.items() if test == prefix or test.startswith((f"{prefix}/", f"{prefix}::"))
            }
            if not outcomes:
                return f"round {number} ran no test of `{prefix}`"
            for test, found in outcomes.items():
                if found != {"passed"}:
                    return f"in round {number} `{test}` was {', '.join(sorted(found - {'passed'}))}"
        return None


def run_rounds(root: Path, tests: Sequence[str], wanted: int, tell: Callable[[str], None]) -> PytestRuns:
    """Run the tests in `wanted` processes, one after the other, and stop after a failed round.

    Each round has another hash seed, so that a test that depends on the order of a set fails in some round.

    Args:
        root: the folder that pytest runs in.
        tests: files, folders and tests as arguments of pytest; at least one.
        wanted: number of rounds, 1 or more.
        tell: called with a text when a round begins.
    """
    rounds: list[PytestRun] = []
    for number in range(1, wanted + 1):
        tell(f"round {number} of {wanted}")
        rounds.append(_run(root, tests, number))
        if rounds[-1].exit_code != 0:
            break
    return PytestRuns(tuple(rounds), wanted)


def _run(root: Path, tests: Sequence[str], seed: int) -> PytestRun:
    with tempfile.TemporaryDirectory(prefix="tracker-") as folder:
        file = Path(folder) / "outcomes"
        options = ["-q", f"--rootdir={root}", "-p", "no:cacheprovider", "-p", "migration.consolidation.tracker.outcomes"]
        done = subprocess.run(  # noqa: S603 - this interpreter, and tests that the project's own configuration names
            [sys.executable, "-m", "pytest", *options, f"--tracker-outcomes={file}", *tests],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdout=sys.__stderr__,  # stdout belongs to the report
            check=False,
        )
        return PytestRun(exit_code=done.returncode, outcomes=_outcomes(file))


def _outcomes(file: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in file.read_bytes().splitlines() if file.exists() else ():
        test, outcome = msgspec.json.decode(line, type=tuple[str, str])
        found.setdefault(test.partition("[")[0], set()).add(outcome)
    return found
