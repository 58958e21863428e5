"""What a recording holds, whichever format it came in."""

from dataclasses import dataclass

from migration.model import Effect, Event, Origin, Outcome, RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """One run that can be run again without the outside."""

    request: RunRequest
    journal: tuple[Effect, ...]
    origin: Origin | None = None  #: who ran it; None when the file does not say
    events: tuple[Event, ...] = ()  #: () when the recording holds none
    line: int = 0  #: on which it begins, from 1; 0: it is from no file
    label: str = ""  #: what the file calls it, for reports; "": it goes by its run id
    outcome: Outcome | None = None  #: how it ended; None when the file does not say
    answer: str | None = None  #: the text that the user got at the end; None when the file does not say
    ignored: tuple[str, ...] = ()  #: parts of the recording that are not read, such as tools that are not functions

    @property
    def name(self) -> str:
        """The name for reports."""
        return self.label or self.request.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is not a recording. The rest of the file goes on."""

    line: int  #: from 1; 0 for the file as a whole
    reason: str  #: quotes nothing of the line
    message: int | None = None  #: index of the message that spoils it, from 0; None: it is not one message
    file: str = ""  #: as it was named; "-": standard input


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A part of a good line that is not a run, such as a user's turn that nobody answered."""

    line: int
    reason: str
    file: str = ""
