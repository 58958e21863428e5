"""One run's frames, decoded as little as the comparison needs.

A frame of the usual shape is read into a typed head: its texts, and its body left as raw bytes. Two heads with equal texts and equal
body bytes are equal without a look inside. Only the others are decoded whole and normalised, once.
"""

from collections.abc import Callable
from functools import cached_property
from itertools import chain, repeat
from operator import attrgetter, eq
from typing import Any

import msgspec

from migration.comparison.canonical import UndecodableError, decode_object
from migration.comparison.normalise import Normal, Normaliser
from migration.comparison.paths import Json, Path, matches
from migration.comparison.policy import EVERY_EVENT, Policy
from migration.comparison.shapes import Shapes
from migration.model import Origin, RunRecord, RunRequest

_Head = Any  # a struct made from the policy; mypy cannot know its fields


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
        self.body: Callable[[_Head], msgspec.Raw] = attrgetter(envelope.body)
        self.texts: Callable[[_Head], object] = attrgetter(*compared) if compared else lambda _head: ()
        self.content: Callable[[_Head], object] = attrgetter(envelope.body, *compared)  #: body and texts

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
        beside: the stream that it is compared with, if that was read before; None: nothing was.
    """

    def __init__(self, side: Origin, run: RunRecord, reader: HeadReader, normaliser: Normaliser, beside: "Stream | None" = None) -> None:
        self.side, self.run, self.events = side, run, run.events
        self.kinds = [event.kind for event in run.events]
        self.places = [event.lane for event in run.events]
        self.reader, self._normaliser = reader, normaliser
        self._normals: dict[int, Normal] = {}
        self._bodies: dict[int, Normal] = {}
        self.undecodable: dict[int, str] = {}  #: index -> why
        self.unusual = False  #: whether some frame has no head
        self.has_holes = False  #: whether some frame looked at so far holds a value that only a pair can judge
        self.heads = self._read_heads(beside)

    def _read_heads(self, beside: "Stream | None") -> list[_Head | None]:
        read = self.reader.read
        if read is None:
            self.unusual = True
            return [None] * len(self.events)
        frames = [event.payload for event in self.events]
        try:
            # A body that is left as raw bytes is not checked for being UTF-8; all of them at once cost next to nothing.
            b"".join(frames).decode()
            if beside is None or beside.unusual or [event.payload for event in beside.events[:1]] != frames[:1]:
                return list(map(read, frames))
            # Streams that begin with the very same frame were made without a clock, so most of their frames are the same bytes.
            others = chain(zip((event.payload for event in beside.events), beside.heads, strict=True), repeat((b"", None)))
            return [head if frame == other else read(frame) for frame, (other, head) in zip(frames, others, strict=False)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.unusual = True
            return [self._head_or_none(read, frame) for frame in frames]

    @staticmethod
    def _head_or_none(read: Callable[[bytes], _Head], frame: bytes) -> _Head | None:
        try:
            frame.decode()
            return read(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # an unusual shape, or no JSON: decoding it whole will tell

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

    def body(self, index: int, head: _Head) -> Normal:
        """Return the body of a frame with a head, normalised: enough to tell whether it equals another one."""
        normal = self._bodies.get(index)
        if normal is None:
            normal = self._normaliser.body(self.events[index].kind, self.reader.body(head))
            self._bodies[index] = normal
            self.has_holes = self.has_holes or bool(normal.holes)
        return normal

    def known(self, index: int) -> Normal | None:
        """Return the frame, or its body, normalised if that was needed so far, else None."""
        return self._normals.get(index) or self._bodies.get(index)

    def read_fully(self, index: int) -> Normal:
        """Return the frame, or its body, normalised."""
        head = self.heads[index]
        return self.known(index) or (self.normal(index) if head is None else self.body(index, head))

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

    def contents(self) -> list[object]:
        """Return, for each frame, what equals another's of its kind only if both frames are equal. An unusual frame's equals nothing."""
        content = self.reader.content
        if self.unusual:
            return [object() if head is None else content(head) for head in self.heads]
        return list(map(content, self.heads))

    def foreign(self) -> list[int]:
        """Return the frames that do not name this run's own tenant, user, thread and run."""
        own, identity = self.reader.expected(self.run.request), self.reader.identity
        if not self.unusual and list(map(identity, self.heads)).count(own) == len(self.heads):
            return []
        return [index for index, head in enumerate(self.heads) if (self._is_foreign(index) if head is None else identity(head) != own)]

    def _is_foreign(self, index: int) -> bool:
        value = self.value(index)
        return value is not None and bool(self.foreign_fields(value))

    def foreign_fields(self, value: dict[str, Json]) -> dict[str, Json]:
        """Return the identity fields of a decoded frame that name somebody else. A missing field is no other's: it shows as a lost key."""
        identity, request = self.reader.policy.envelope.identity, self.run.request
        return {field: value[field] for name, field in identity.items() if field in value and value[field] != getattr(request, name)}


def forms(control: Stream, candidate: Stream, i: int, j: int) -> tuple[Normal, Normal, Path]:
    """Return two frames of one kind in normal form, and where that begins: at the body when nothing else differs, else at the root."""
    a, b, reader = control.heads[i], candidate.heads[j], control.reader
    if a is None or b is None or reader.texts(a) != reader.texts(b):
        return control.normal(i), candidate.normal(j), ()
    return control.body(i, a), candidate.body(j, b), (reader.policy.envelope.body,)


class Pairing:
    """Tells whether a frame of control and a frame of candidate are equal, as cheaply as can be.

    Args:
        control: one stream.
        candidate: the other one.
        reader: what read their heads.
        shapes: comparators for bodies.
    """

    def __init__(self, control: Stream, candidate: Stream, reader: HeadReader, shapes: Shapes) -> None:
        self.control, self.candidate = control, candidate
        self._texts, self._body, self._shapes = reader.texts, reader.body, shapes
        self._ours, self._theirs = control.contents(), candidate.contents()
        #: whether both streams send the same kinds of event in the same lanes in the same order, as replays mostly do
        self.in_step = control.kinds == candidate.kinds and control.places == candidate.places
        if self.in_step:
            candidate.lanes = control.lanes

    def differing(self) -> list[int]:
        """Return which frames are not the same, of two streams in step."""
        equal = map(eq, self._ours, self._theirs)
        return [index for index, same in enumerate(equal) if not same and not self.same(index, index)]

    def same(self, i: int, j: int) -> bool:
        """Tell whether control's frame i and candidate's frame j have one canonical form."""
        control, candidate = self.control, self.candidate
        kind = control.kinds[i]
        if kind != candidate.kinds[j]:
            return False
        if self._ours[i] == self._theirs[j]:
            return True
        a, b = control.heads[i], candidate.heads[j]
        if a is None or b is None:
            return control.normal(i).canonical == candidate.normal(j).canonical
        if self._texts(a) != self._texts(b):
            return False
        if self._shapes.equal(kind, self._body(a), self._body(b)):
            return True
        return control.body(i, a).canonical == candidate.body(j, b).canonical
