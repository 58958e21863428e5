"""The contents of a recording in any format."""

from dataclasses import dataclass

from migration.model import Effect, Event, Origin, Outcome, RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """One recorded run that can be run again without the outside."""

    request: RunRequest
    journal: tuple[Effect, ...]
    origin: Origin | None = None  #: the engine that ran it; None if the file does not contain this
    events: tuple[Event, ...] = ()  #: () if the recording contains none
    line: int = 0  #: the line on which it begins, from 1; 0: it is not from a file
    label: str = ""  #: its name in the file, for reports; "": its run id is used
    outcome: Outcome | None = None  #: outcome of the run; None if the file does not contain it
    answer: str | None = None  #: the text that the user got at the end; None if the file does not contain it
    ignored: tuple[str, ...] = ()  #: parts of the recording that are not read, such as tools that are not functions

    @property
    def name(self) -> str:
        """The name for reports."""
        return self.label or self.request.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is not a recording. Reading continues after it."""

    line: int  #: number of the line, from 1; 0: the whole file
    reason: str  #: what is wrong, without quoting the line
    message: int | None = None  #: index of the message that cannot be read, from 0; None: it is not a single message
    file: str = ""  #: path as the user gave it; "-": standard input


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A part of a good line that is not a run, such as a user's turn without an answer."""

    line: int
    reason: str
    file: str = ""
