"""The tracker: how far a consolidation is, in steps 0 to 6. Each box is ticked by evidence that a command can repeat, none by hand.

Read in this order:

1. `steps`: what there is in the end: steps of boxes, each done or not, with its evidence and the command that repeats it.
2. `tracking`: from a folder to these steps.
3. `checks`: what a box asks of a tree; `family`, `testing`, `files` and `going` have the kinds. `tree` reads each source once.
4. `configuration` and `builtin`: the boxes of this project, and those that every consolidation has.
5. `testfiles`: which tests a file has, without running it. `rounds` and `outcomes`: what a run shows beyond that.
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
