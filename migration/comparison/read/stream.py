"""One run's stream: its frames, which are decoded as little as possible, its lanes, and the owners of the frames.

A frame of the usual shape is read into a typed head: its texts, and its body left as raw bytes. Two frames with equal texts and equal body
bytes are equal, so these bodies need not be decoded. Only other frames are decoded completely and normalised, once.
"""

from migration.comparison.paths import Path
from migration.comparison.read.frames import Frames
from migration.comparison.read.heads import HeadReader
from migration.comparison.read.normalise import Normal, Normaliser
from migration.comparison.read.outline import outline
from migration.comparison.read.owners import Owners
from migration.model import Origin, RunRecord


class Stream:
    """The events of one run, by index.

    Args:
        side: the run's side in this comparison; a run may also be compared with another one of the same engine.
        run: the run.
        reader: reads heads.
        normaliser: normalises frames whose bytes differ.
    """

    def __init__(self, side: Origin, run: RunRecord, reader: HeadReader, normaliser: Normaliser) -> None:
        self.side, self.run, self.events = side, run, run.events
        self.outline = outline([event.kind for event in run.events], [event.lane for event in run.events])
        self.kinds, self.places = self.outline.kinds, self.outline.places
        self.frames = Frames([event.payload for event in run.events], self.kinds, reader, normaliser)
        self.owners = Owners(self.frames, run.request)

    @property
    def lanes(self) -> dict[str, list[int]]:
        """The events of each lane, in order; lanes in order of their first event."""
        return self.outline.lanes


def forms(control: Stream, candidate: Stream, i: int, j: int) -> tuple[Normal, Normal, Path]:
    """Return two frames of one kind in normal form, and the path at which it begins: the body if only that differs, else the root."""
    control_content, candidate_content = control.frames.content(i), candidate.frames.content(j)
    if control_content is None or candidate_content is None or control_content[1:] != candidate_content[1:]:
        return control.frames.normal(i), candidate.frames.normal(j), ()
    return (
        control.frames.body(i, control_content),
        candidate.frames.body(j, candidate_content),
        (control.frames.reader.policy.envelope.body,),
    )
