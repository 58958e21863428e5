"""Waits until the processes follow a written edit, and reports what they follow: by their rows or, if the database is down, by asking
them.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from migration.errors import ProcessesError
from migration.processes.control import Answers, ask, control_folder
from migration.processes.row import ProcessRow, Told
from migration.processes.table import ProcessTable
from migration.settings import MigrationSettings

_LOOK_S: Final = 0.05
_ASK_S: Final = 0.5
_NEWS_S: Final = 3600.0  #: seconds; a death that is longer ago is not reported

Follows = Callable[[ProcessRow], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the serving processes follow."""

    following: dict[str, float]  #: name of a process -> seconds until its row confirmed the edit
    asked: tuple[str, ...] = ()  #: names of processes that follow by their own report over the loopback socket; no row confirms it
    others: tuple[str, ...] = ()  #: a text for each process that does not follow or does not report: its name, and what it does instead
    died: tuple[str, ...] = ()  #: names of processes that died; they serve no requests
    problem: str | None = None  #: why the database does not answer; None: it answers
    rows: tuple[ProcessRow, ...] = ()  #: the newest report of each process

    @property
    def seen(self) -> int:
        """The number of known serving processes."""
        return len(self.following) + len(self.asked) + len(self.others)

    @property
    def holds(self) -> bool:
        """Whether the row of every known serving process confirms the edit, or no process was ever seen."""
        return self.problem is None and not self.others and not self.asked

    def sentence(self) -> str:
        """Return what the processes follow, as a sentence."""
        done = len(self.following) + len(self.asked)
        died = f" ({len(self.died)} more died and serve no requests: {', '.join(self.died)})" if self.died else ""
        if self.problem is not None:
            known = (
                f"of this host {done} of {self.seen} processes follow, by their own report"
                if self.seen
                else "no process of this host answers"
            )
            rest = f", not {'; '.join(self.others)}" if self.others else ""
            return f"not confirmed: {known}{rest}; of other hosts nothing is known: {self.problem}"
        if not self.seen:
            return f"no process has been seen, so none follows yet{died}"
        if self.others:
            return f"not confirmed: {done} of {self.seen} processes follow, not {'; '.join(self.others)}{died}"
        if self.asked:
            unwritten = f"{', '.join(self.asked)} wrote no row about it to the database in this time"
            return f"not confirmed: {done} of {self.seen} processes follow, by their own report, but {unwritten}{died}"
        return f"{done} of {self.seen} processes follow, the slowest after {max(self.following.values()):.1f} s{died}"


def confirm(settings: MigrationSettings, follows: Follows, *, wait_s: float = 3.0, here: bool = False) -> Confirmation:
    """Wait until every serving process follows the edit, at most `wait_s`, and return what they follow.

    Args:
        settings: name the database, and `home` with the loopback sockets.
        follows: returns whether a process with this row follows the edit.
        wait_s: seconds in total.
        here: whether only the processes of this host matter; then the processes are asked directly and the database is not read.
    """
    started = time.monotonic()
    if here:
        return _by_asking(settings, follows, started + wait_s, None)
    table = ProcessTable.reading(settings)
    try:
        return _by_rows(settings, table, follows, started, started + wait_s - _ASK_S)
    except ProcessesError as error:
        return _by_asking(settings, follows, started + wait_s, str(error))
    finally:
        table.close()


def _by_rows(settings: MigrationSettings, table: ProcessTable, follows: Follows, started: float, until: float) -> Confirmation:
    following: dict[str, float] = {}
    while True:
        told = [one for one in table.told() if one.row.role == "server"]
        serving = {one.row.process_id: one for one in told if one.serves}
        for process_id, one in serving.items():
            if process_id not in following and follows(one.row):
                following[process_id] = time.monotonic() - started
        missing = [one for process_id, one in serving.items() if process_id not in following]
        late = time.monotonic() >= until
        if late or not missing:
            answers = ask(control_folder(settings.home), _ASK_S)
            if late or not _without_row(answers, serving):
                break  # otherwise look again: a process without a row may have just started
        time.sleep(_LOOK_S)
    asked, others = _by_own_words(answers, follows, missing, serving)
    words = {row.process_id: row for row in answers.rows}
    return Confirmation(
        following={serving[process_id].row.name: after_s for process_id, after_s in following.items() if process_id in serving},
        asked=asked,
        others=others,
        died=tuple(one.row.name for one in told if one.state == "died" and one.age_s < _NEWS_S),
        rows=tuple(words.get(process_id, one.row) for process_id, one in serving.items()),
    )


def _without_row(answers: Answers, serving: Mapping[str, Told]) -> bool:
    """Return whether this host has a process that is missing from the rows of serving processes."""
    pids = {one.row.pid for one in serving.values()}
    return any(row.process_id not in serving for row in answers.rows) or any(pid not in pids for pid in answers.silent)


def _by_own_words(
    answers: Answers, follows: Follows, missing: Collection[Told], serving: Mapping[str, Told]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the unconfirmed processes follow by their own report, and what the others do."""
    words = {row.process_id: row for row in answers.rows}
    asked, others = [], []
    for one in missing:
        row = words.get(one.row.process_id)
        if row is None:
            others.append(f"{one.row.name} (silent for {one.age_s:.0f} s: stopped, or it hangs)")
        elif follows(row):
            asked.append(row.name)
        else:
            others.append(_elsewhere(row))
    for row in words.values():
        if row.process_id not in serving:
            (asked if follows(row) else others).append(row.name if follows(row) else _elsewhere(row))
    pids = {one.row.pid for one in serving.values()}
    others += [_silent(pid) for pid in answers.silent if pid not in pids]
    return tuple(asked), tuple(others)


def _silent(pid: int) -> str:
    return f"process {pid} of this host (it does not answer: stopped, or it hangs)"


def _elsewhere(row: ProcessRow) -> str:
    because = " and the emergency kill switch of its host is on" if row.emergency else ""
    return f"{row.name} (it runs, follows version {row.flags_version} of {row.flags_source}{because})"


def _by_asking(settings: MigrationSettings, follows: Follows, until: float, problem: str | None) -> Confirmation:
    """Ask the processes of this host until all that answer follow, or time is up."""
    started = time.monotonic()
    following: dict[str, float] = {}
    while True:
        answers = ask(control_folder(settings.home), _ASK_S)
        for row in answers.rows:
            if row.name not in following and follows(row):
                following[row.name] = time.monotonic() - started
        missing = [row for row in answers.rows if row.name not in following]
        if not (missing or answers.silent) or time.monotonic() >= until - _ASK_S:
            break
        time.sleep(_LOOK_S)
    others = [_elsewhere(row) for row in missing]
    others += [_silent(pid) for pid in answers.silent]
    if problem is None:
        return Confirmation(following=following, others=tuple(others), rows=answers.rows)
    return Confirmation(following={}, asked=tuple(following), others=tuple(others), problem=problem, rows=answers.rows)
