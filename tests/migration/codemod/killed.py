"""Carries out a plan in a process that is killed after some of its system calls. Run as a script: it answers with one line a kill."""

import dataclasses
import os
import signal
import sys
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from migration.consolidation.codemod.plan import plan_codemod
from migration.consolidation.codemod.report.applying import apply_plan
from migration.consolidation.codemod.report.values import CodemodPlan
from tests.migration.codemod.projects import FORMS, USES, Project, project
from tests.migration.codemod.runs import write

_CALLS = ("open", "os.", "tempfile.", "shutil.")
_PIECES = 12


def rewritable() -> Project:
    """Return a project in which many files are rewritten."""
    return project(1, _PIECES, [use for use in USES if use.name == "made"], FORMS[:4])


def killed(plan: CodemodPlan, calls: int) -> bool:
    """Carry out the plan in a child that is killed at this call; return whether it was killed before it was done."""
    child = os.fork()
    if child == 0:
        left = calls

        def count(event: str, _arguments: object) -> None:
            nonlocal left
            if event.startswith(_CALLS) and event != "os.kill":
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        apply_plan(plan)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def states(plan: CodemodPlan) -> list[str]:
    """Return for each file whether it is the old one, the new one, or something else."""
    found = ((change, (plan.root / change.path).read_bytes()) for change in plan.changes)
    return ["old" if data == change.before else "new" if data == change.after else "torn" for change, data in found]


def main(kills: int, seed: int) -> None:
    """Print the states after each kill, and whether a second run finishes the work."""
    draw = Random(seed)  # noqa: S311 - examples, not secrets
    with TemporaryDirectory() as folder:
        first = Path(folder) / "first"
        write(rewritable(), first)
        plan = plan_codemod(first)
        for number in range(kills):
            root = Path(folder) / str(number)
            write(rewritable(), root)
            here = dataclasses.replace(plan, root=root)
            is_killed = killed(here, draw.randrange(len(plan.changes) * 6))
            seen = states(here)
            rest = dataclasses.replace(here, changes=tuple(c for c, state in zip(here.changes, seen, strict=True) if state == "old"))
            apply_plan(rest)
            sys.stdout.write(f"{is_killed} {seen.count('old')} {seen.count('new')} {seen.count('torn')} {states(here).count('new')}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
