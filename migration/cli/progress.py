"""The progress bar of commands that read many files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from migration.consolidation import AuditProgress, NoProgress


class _Bar:
    """A progress bar. It is drawn only by calls of its methods: it has no thread, so that processes can still be forked."""

    def __init__(self, bar: Any, title: str) -> None:  # noqa: ANN401 - rich is imported only if a bar is shown
        self._bar = bar
        self._task = bar.add_task(title, total=None)
        self._total = 0

    def begin(self, files: int) -> None:
        """Show the number of files."""
        self._total = files
        self._bar.update(self._task, total=files)
        self._bar.refresh()

    def advance(self, files: int) -> None:
        """Show that this many more files were read."""
        self._bar.advance(self._task, files)
        if (done := self._bar.tasks[0].completed) > self._total:
            # Each new name leads to further files, so the total grows until no new name is found.
            self._bar.update(self._task, total=done)
        self._bar.refresh()


@contextmanager
def progress_bar(title: str) -> Iterator[AuditProgress]:
    """Show a bar if stderr is a terminal; otherwise show nothing."""
    if not sys.stderr.isatty():
        yield NoProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with RichProgress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True) as bar:
        yield _Bar(bar, title)
