"""One run's frames, decoded as little as the comparison needs.

A frame of the usual shape is read into a typed head: its texts, and its body left as raw bytes. Two frames with equal texts and equal
body bytes are equal without a look inside. Only the others are decoded whole and normalised, once.

Frames are read block by block. Of a head only what is compared is kept, and of streams in step nothing once a block is compared, unless it
differs: what is known of a long stream would not fit into the processor's cache, and every pass over it would wait for memory.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import groupby
from operator import attrgetter, eq
from typing import Any, Final

import msgspec

from migration.comparison.canonical import UndecodableError, decode_object
from migration.comparison.normalise import Normal, Normaliser
from migration.comparison.paths import Json, Path, matches
from migration.comparison.policy import EVERY_EVENT, Policy
from migration.comparison.shapes import Shapes
from migration.model import Origin, RunRecord, RunRequest

_Head = Any  # a struct made from the policy; mypy cannot know its fields
_Content = tuple[Any, ...]  # the body, raw, and the texts that are compared
_BLOCK: Final = 256  #: frames that are read at once


class HeadReader:
    """Typed decoding of frames, generated from a policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        envelope = policy.envelope
        fields: list[tuple[str, type]] = [(name, str) for name in envelope.texts]
        fields += [(name, int) for name in envelope.ints]
        fields += [(name, float) for name in envelope.numbers]
        masked = {name for name, _ in fields if self._is_masked_everywhere(name)}
        identity = tuple(envelope.identity.values())
        compared = [name for name, _ in fields if name not in masked and name not in identity]
        head = msgspec.defstruct("Head", [*fields, (envelope.body, msgspec.Raw)], frozen=True, forbid_unknown_fields=True, gc=False)
        decoder = msgspec.json.Decoder(head)
        #: None: some rule looks into the envelope itself, so every frame is decoded whole
        self.read: Callable[[bytes], _Head] | None = None if self._envelope_has_rules(masked) else decoder.decode
        self.identity: Callable[[_Head], object] = attrgetter(*identity) if identity else lambda _head: ()
        #: body and texts of a head; frames of one kind are equal if these are
        self.content: Callable[[_Head], _Content] = (
            attrgetter(envelope.body, *compared) if compared else lambda head: (getattr(head, envelope.body),)
        )

    def expected(self, request: RunRequest) -> object:
        """Return what `identity` gives for a frame of the run itself."""
        values = tuple(getattr(request, name) for name in self.policy.envelope.identity)
        return values[0] if len(values) == 1 else values

    def _is_masked_everywhere(self, name: str) -> bool:
        first = next((rule for rule in self.policy.rules if any(matches(path, (name,)) for path in rule.paths)), None)
        return first is not None and first.action == "mask" and first.kinds == EVERY_EVENT

    def _envelope_has_rules(self, masked: set[str]) -> bool:
        envelope = self.policy.envelope
        if not masked.issuperset(envelope.numbers):
            return True  # read as floats, 1 and 1.0 would be equal
        others = {*envelope.texts, *envelope.ints} - masked
        own = [
            path for rule in self.policy.rules for path in rule.paths if not all(kind.startswith("effect:") for kind in rule.kinds or ("",))
        ]
        return any(matches(path, (name,)) for path in own for name in (*others, envelope.body))


class Stream:
    """The frames of one run, by index.

    Args:
        side: where it stands in this comparison; a run may also be compared with another one of the same engine.
        run: the run.
        reader: reads heads.
        normaliser: normalises what is no more than alike.
        beside: the stream that it is compared with, if that is always read first; None: it is this one that is.
    """

    def __init__(self, side: Origin, run: RunRecord, reader: HeadReader, normaliser: Normaliser, beside: "Stream | None" = None) -> None:
        self.side, self.run, self.events = side, run, run.events
        self.kinds = [event.kind for event in run.events]
        self.places = [event.lane for event in run.events]
        self.reader, self._normaliser = reader, normaliser
        self._normals: dict[int, Normal] = {}
        self._bodies: dict[int, Normal] = {}
        self.undecodable: dict[int, str] = {}  #: index -> why
        self.unusual: set[int] = set()  #: frames that have no head
        self.has_holes = False  #: whether some frame looked at so far holds a value that only a pair can judge
        self.own = reader.expected(run.request)  #: what `identity` gives for a frame that names this run's own tenant, user, thread, run
        self.misnamed: set[int] = set()  #: frames with a head that names others
        self.contents: list[_Content | None] = []  #: of each frame read so far; None: it has no head, or is forgotten
        self._beside = beside if beside is not None and beside.own == self.own else None

    def read(self, size: int) -> None:
        """Read that many more frames."""
        start = len(self.contents)
        frames = [event.payload for event in self.events[start : start + size]]
        if self.reader.read is None:
            self.unusual.update(range(start, start + len(frames)))
            self.contents += [None] * len(frames)
        elif frames:
            self._read_block(start, frames, self.reader.read)

    def content(self, index: int) -> _Content | None:
        """Return the content of a frame, read again if it was forgotten; None when it has no head."""
        content = self.contents[index]
        if content is None and index not in self.unusual and self.reader.read is not None:
            content = self.contents[index] = self.reader.content(self.reader.read(self.events[index].payload))
        return content

    def _read_block(self, start: int, frames: list[bytes], read: Callable[[bytes], _Head]) -> None:
        # Engines without a clock of their own send most frames in the same bytes: those were read before.
        beside = self._beside
        if beside is None or frames[0] not in [event.payload for event in beside.events[start : start + 1]]:
            self._read_all(start, frames, read)
            return
        alike = list(map(eq, frames, [event.payload for event in beside.events[start : start + len(frames)]]))
        alike += [False] * (len(frames) - len(alike))
        begin = 0
        for same, places in groupby(alike):
            stop = begin + len(list(places))
            if same:
                self._take_over(beside, start + begin, start + stop)
            else:
                self._read_all(start + begin, frames[begin:stop], read)
            begin = stop

    def _take_over(self, beside: "Stream", start: int, stop: int) -> None:
        """Keep what is known of the same frames of the other stream."""
        self.contents += beside.contents[start:stop]
        for mine, others in ((self.unusual, beside.unusual), (self.misnamed, beside.misnamed)):
            if others:
                mine.update(others.intersection(range(start, stop)))

    def _read_all(self, start: int, frames: list[bytes], read: Callable[[bytes], _Head]) -> None:
        try:
            # A body that is left as raw bytes is not checked for being UTF-8; many at once cost next to nothing.
            b"".join(frames).decode()
            self._keep(start, list(map(read, frames)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._read_one_by_one(start, frames, read)

    def _keep(self, start: int, heads: Sequence[_Head]) -> None:
        identities = list(map(self.reader.identity, heads))
        if identities.count(self.own) != len(heads):
            self.misnamed.update(start + place for place, identity in enumerate(identities) if identity != self.own)
        self.contents += map(self.reader.content, heads)

    def _read_one_by_one(self, start: int, frames: list[bytes], read: Callable[[bytes], _Head]) -> None:
        for index, frame in enumerate(frames, start):
            try:
                frame.decode()
                head = read(frame)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                # An unusual shape, or no JSON: decoding it whole will tell.
                self.unusual.add(index)
                self.contents.append(None)
            else:
                self._keep(index, [head])

    def value(self, index: int) -> dict[str, Json] | None:
        """Return the frame decoded anew, not normalised; None when it is undecodable."""
        try:
            return decode_object(self.events[index].payload)
        except UndecodableError as error:
            self.undecodable[index] = str(error)
            return None

    def normal(self, index: int) -> Normal:
        """Return the frame normalised. An undecodable one stands for itself, byte for byte, and is noted in `undecodable`."""
        normal = self._normals.get(index)
        if normal is None:
            value = self.value(index)
            if value is None:
                normal = Normal(b"undecodable:" + self.events[index].payload, (), {})
            else:
                normal = self._normaliser.event(self.events[index].kind, value)
            self._normals[index] = normal
            self.has_holes = self.has_holes or bool(normal.holes)
        return normal

    def body(self, index: int, content: _Content) -> Normal:
        """Return the body of a frame with this content, normalised: enough to tell whether it equals another one."""
        normal = self._bodies.get(index)
        if normal is None:
            normal = self._normaliser.body(self.events[index].kind, content[0])
            self._bodies[index] = normal
            self.has_holes = self.has_holes or bool(normal.holes)
        return normal

    def known(self, index: int) -> Normal | None:
        """Return the frame, or its body, normalised if that was needed so far, else None."""
        return self._normals.get(index) or self._bodies.get(index)

    def read_fully(self, index: int) -> Normal:
        """Return the frame, or its body, normalised."""
        content = self.content(index)
        return self.known(index) or (self.normal(index) if content is None else self.body(index, content))

    @cached_property
    def lanes(self) -> dict[str, list[int]]:
        """The frames of each lane, in order; lanes in order of their first frame."""
        lanes: dict[str, list[int]] = {}
        for index, name in enumerate(self.places):
            lane = lanes.get(name)
            if lane is None:
                lanes[name] = [index]
            else:
                lane.append(index)
        return lanes

    def foreign(self) -> list[int]:
        """Return the frames that do not name this run's own tenant, user, thread and run."""
        return sorted([*self.misnamed, *filter(self._is_foreign, self.unusual)])

    def _is_foreign(self, index: int) -> bool:
        value = self.value(index)
        return value is not None and bool(self.foreign_fields(value))

    def foreign_fields(self, value: dict[str, Json]) -> dict[str, Json]:
        """Return the identity fields of a decoded frame that name somebody else. A missing field is no other's: it shows as a lost key."""
        identity, request = self.reader.policy.envelope.identity, self.run.request
        return {field: value[field] for name, field in identity.items() if field in value and value[field] != getattr(request, name)}


def forms(control: Stream, candidate: Stream, i: int, j: int) -> tuple[Normal, Normal, Path]:
    """Return two frames of one kind in normal form, and where that begins: at the body when nothing else differs, else at the root."""
    a, b = control.content(i), candidate.content(j)
    if a is None or b is None or a[1:] != b[1:]:
        return control.normal(i), candidate.normal(j), ()
    return control.body(i, a), candidate.body(j, b), (control.reader.policy.envelope.body,)


class Pairing:
    """Tells whether a frame of control and a frame of candidate are equal, as cheaply as can be.

    Args:
        control: one stream.
        candidate: the other one.
        shapes: comparators for bodies.
    """

    def __init__(self, control: Stream, candidate: Stream, shapes: Shapes) -> None:
        self.control, self.candidate, self._shapes = control, candidate, shapes
        #: whether both streams send the same kinds of event in the same lanes in the same order, as replays mostly do
        self.in_step = control.kinds == candidate.kinds and control.places == candidate.places
        #: of streams in step: which frames are not the same
        self.differing: list[int] = []
        if self.in_step:
            candidate.lanes = control.lanes
            for start in range(0, len(control.events), _BLOCK):
                self.differing += self._differing(start)
        else:
            for stream in (control, candidate):
                for _ in range(0, len(stream.events), _BLOCK):
                    stream.read(_BLOCK)

    def _differing(self, start: int) -> list[int]:
        """Read and compare the next block of both streams, and forget what is equal."""
        self.control.read(_BLOCK)
        self.candidate.read(_BLOCK)
        ours, theirs, unusual = self.control.contents, self.candidate.contents, self.control.unusual
        equal: Iterable[bool] = map(eq, ours[start:], theirs[start:]) if start else map(eq, ours, theirs)
        if unusual:  # of two frames without a head the contents, None, say nothing
            equal = (same and index not in unusual for index, same in enumerate(equal, start))
        differing = [index for index, same in enumerate(equal, start) if not same and not self.same(index, index)]
        if len(self.control.events) > _BLOCK:
            kept = [(index, ours[index], theirs[index]) for index in differing]
            ours[start:] = theirs[start:] = [None] * (len(ours) - start)
            for index, a, b in kept:
                ours[index], theirs[index] = a, b
        return differing

    def same(self, i: int, j: int) -> bool:
        """Tell whether control's frame i and candidate's frame j have one canonical form."""
        control, candidate = self.control, self.candidate
        kind = control.kinds[i]
        if kind != candidate.kinds[j]:
            return False
        a, b = control.content(i), candidate.content(j)
        if a is None or b is None:
            return control.normal(i).canonical == candidate.normal(j).canonical
        if a == b:
            return True
        if a[1:] != b[1:]:
            return False
        if self._shapes.equal(kind, a[0], b[0]):
            return True
        return control.body(i, a).canonical == candidate.body(j, b).canonical
