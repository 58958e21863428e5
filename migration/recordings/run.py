"""What a recording holds, whichever format it came in."""

from dataclasses import dataclass

from migration.model import Effect, Event, Origin, RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """One run that can be run again without the outside."""

    request: RunRequest
    journal: tuple[Effect, ...]
    origin: Origin | None = None  #: who ran it; None when the file does not say
    events: tuple[Event, ...] = ()  #: () when the recording holds none


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is no recording. The rest of the file goes on."""

    line: int  #: from 1; 0 for the file as a whole
    reason: str  #: quotes nothing of the line


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A part of a good line that is no run, such as a user's turn that nobody answered."""

    line: int
    reason: str
