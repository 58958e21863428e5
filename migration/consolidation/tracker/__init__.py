"""The tracker: how far a consolidation is, in steps 0 to 6. Each box is ticked by evidence that a command can repeat; no box is ticked by
hand.

Read in this order:

1. `steps`: the result: steps with boxes, each done or not, with its evidence and the command that repeats it.
2. `tracking`: makes these steps from a folder.
3. `checks`: the check of a box; `family`, `testing`, `files` and `going` contain the kinds of checks. `tree` reads each source once.
4. `configuration` and `builtin`: the boxes of this project, and the boxes that every consolidation has.
5. `testfiles`: which tests a file has, without running them. `rounds` and `outcomes`: the outcomes of test runs.
6. `page`: the steps as Markdown.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.consolidation.tracker.page import as_diff, as_markdown
    from migration.consolidation.tracker.rounds import PytestRuns
    from migration.consolidation.tracker.steps import TrackerStep
    from migration.consolidation.tracker.tracking import run_tests, track
else:
    __getattr__ = front(
        __name__,
        {
            "PytestRuns": "rounds",
            "TrackerStep": "steps",
            "as_diff": "page",
            "as_markdown": "page",
            "run_tests": "tracking",
            "track": "tracking",
        },
    )

__all__ = [
    "PytestRuns",
    "TrackerStep",
    "as_diff",
    "as_markdown",
    "run_tests",
    "track",
]
