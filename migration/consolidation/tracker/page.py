"""The steps as Markdown. Equal steps give equal bytes."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Final

from migration.consolidation.tracker.steps import Box, TrackerStep

_HEAD: Final = """# How far the consolidation is

Written by `netra-migration tracker --write {page}`, never by hand: the files of this repository decide whether a box is ticked, and
`netra-migration tracker --check {page}` finds every wrong tick. Below each box are its evidence and the command that repeats it.
"""
#: Characters that could be read as Markdown or HTML. They include backticks, because text in code spans is not escaped here.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#+!|~&])")
#: Characters that would begin a list or a heading at the start of a line.
_BEGINNING: Final = re.compile(r"^(\d*)([-=.)])")
_CODE: Final = re.compile(r"(`[^`\n]+`)")


def as_markdown(steps: Sequence[TrackerStep], page: str = "docs/tracker.md") -> str:
    """Return the page. `page` is the path of its future file, for the commands at the top of the page."""
    return "\n".join([_HEAD.format(page=page), *_summary(steps), *(line for step in steps for line in _step(step)), ""])


def as_diff(before: str, after: str, page: str) -> str:
    """Return the unified diff from the existing page to the page as it should be; "" if they are equal."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), page, f"{page}, as it should be")
    return "".join(lines)


def _summary(steps: Sequence[TrackerStep]) -> Iterator[str]:
    yield "| step | | done |"
    yield "|---|---|---|"
    for step in steps:
        yield f"| {step.step} | {_inline(step.title)} | {step.done} of {step.total} |"
    yield f"| | all | {sum(step.done for step in steps)} of {sum(step.total for step in steps)} |"


def _step(step: TrackerStep) -> Iterator[str]:
    yield f"\n## {step.step}. {_inline(step.title)}\n"
    if not step.boxes:
        yield "No box is configured."
    for box in step.boxes:
        yield _box(box)


def _box(box: Box) -> str:
    return f"- [{'x' if box.done else ' '}] {_inline(box.text)}\n  {_inline(box.evidence)}\n  {_span(box.command)}"


def _inline(text: str) -> str:
    """Return a text on one line, with all Markdown escaped except code spans."""
    parts = _CODE.split(" ".join(text.split()))
    line = "".join(part if number % 2 else _SPECIAL.sub(r"\\\1", part) for number, part in enumerate(parts))
    return _BEGINNING.sub(r"\1\\\2", line)


def _span(command: str) -> str:
    """Return a command as a code span, also if it contains backticks."""
    line = " ".join(command.splitlines())
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"
