"""One run's frames, decoded as little as the comparison needs.

A frame of the usual shape is read into a typed head: its texts, and its body left as raw bytes. Two frames with equal texts and equal
body bytes are equal without a look inside. Only the others are decoded whole and normalised, once.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from migration.comparison.paths import Json, Path, matches
from migration.comparison.policy import EVERY_EVENT, Policy
from migration.comparison.read.canonical import TOO_DEEP, UNREADABLE, UndecodableError, decode_object
from migration.comparison.read.normalise import Normal, Normaliser
from migration.comparison.read.outline import outline
from migration.model import Origin, RunRecord, RunRequest

_Item = TypeVar("_Item")
_Head = Any  # a struct made from the policy; mypy cannot know its fields
Content = tuple[Any, ...]
"""The body of a frame, raw, and those of its texts that are compared."""


class Sketch(msgspec.Struct, frozen=True):
    """How to read frames of one shape in one go."""

    read: Callable[[bytes], _Head]
    counted: tuple[int, ...]  #: places of the fields that are compared: first those that name somebody, then the other texts
    parts: Callable[[_Head], object] | None  #: those parts of a body that count; None: all of it

    def columns(self, frames: Sequence[bytes]) -> tuple[Sequence[object], ...]:
        """Return what counts of these frames, field by field: the names, the texts, the bodies; each in the order of the frames.

        Raises:
            DecodeError: some frame is of another shape (or one of the other errors in `UNREADABLE`).
        """
        fields = tuple(zip(*map(msgspec.structs.astuple, map(self.read, frames)), strict=True))
        bodies = fields[-1]
        return *map(fields.__getitem__, self.counted), bodies if self.parts is None else list(map(self.parts, bodies))


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
        compared = tuple(name for name, _ in fields if name not in masked and name not in identity)
        places = {name: place for place, (name, _) in enumerate(fields)}
        self._fields, self._counted = fields, tuple(places[name] for name in (*identity, *compared))
        #: None: some rule looks into the envelope itself, so every frame is decoded whole
        self.read: Callable[[bytes], _Head] | None = None if self._envelope_has_rules(masked) else self._decoder(msgspec.Raw)
        named = msgspec.defstruct("Named", [(name, str) for name in identity], frozen=True, gc=False)
        self.named: Callable[[bytes], object] = msgspec.json.Decoder(named).decode  #: whom a frame names, and nothing else of it
        self._named: Callable[..., object] = named
        #: body and texts of a head; frames of one kind are equal if these are
        self.content: Callable[[_Head], Content] = _tuple_of(envelope.body, *compared)

    def sketch(self, body: type, parts: Sequence[str]) -> Sketch:
        """Return how to read frames whose body is of that type.

        Args:
            body: a struct, or `msgspec.Raw`.
            parts: attribute paths of the struct: what counts of it; (): the body as a whole.
        """
        return Sketch(self._decoder(body), self._counted, attrgetter(*parts) if parts else None)

    def _decoder(self, body: type) -> Callable[[bytes], _Head]:
        fields = [*self._fields, (self.policy.envelope.body, body)]
        return msgspec.json.Decoder(msgspec.defstruct("Head", fields, frozen=True, forbid_unknown_fields=True, gc=False)).decode

    def expected(self, request: RunRequest) -> Content:
        """Return whom a frame of the run itself names."""
        return tuple(getattr(request, name) for name in self.policy.envelope.identity)

    def owner(self, own: Content) -> object:
        """Return what `named` gives for a frame that names these."""
        return self._named(*own)

    def _is_masked_everywhere(self, name: str) -> bool:
        first = next((rule for rule in self.policy.rules if any(matches(path, (name,)) for path in rule.paths)), None)
        return first is not None and first.action == "mask" and first.kinds == EVERY_EVENT

    def _envelope_has_rules(self, masked: set[str]) -> bool:
        envelope = self.policy.envelope
        if not masked.issuperset(envelope.numbers):
            return True  # read as floats, 1 and 1.0 would be equal
        others = {*envelope.texts, *envelope.ints} - masked
        own = [
            path
            for rule in self.policy.rules
            for path in rule.paths
            if rule.compare is None and not all(kind.startswith("effect:") for kind in rule.kinds or ("",))
        ]
        return any(matches(path, (name,)) for path in own for name in (*others, envelope.body))


class Stream:
    """The frames of one run, by index.

    Args:
        side: where it stands in this comparison; a run may also be compared with another one of the same engine.
        run: the run.
        reader: reads heads.
        normaliser: normalises what is no more than alike.
    """

    def __init__(self, side: Origin, run: RunRecord, reader: HeadReader, normaliser: Normaliser) -> None:
        self.side, self.run, self.events = side, run, run.events
        self.frames = [event.payload for event in run.events]
        self.outline = outline([event.kind for event in run.events], [event.lane for event in run.events])
        self.kinds, self.places = self.outline.kinds, self.outline.places
        self.reader, self._normaliser = reader, normaliser
        self._normals: dict[int, Normal] = {}
        self._bodies: dict[int, Normal] = {}
        self._contents: dict[int, Content] = {}
        self.undecodable: dict[int, str] = {}  #: index -> why
        self.unusual: set[int] = set()  #: frames that have no head
        self.has_holes = False  #: whether some frame looked at so far holds a value that only a pair can judge
        self.own = reader.expected(run.request)  #: whom a frame names that names this run's own tenant, user, thread and run
        self._owner = reader.owner(self.own)
        self.misnamed: set[int] = set()  #: frames that name others

    def read(self, indexes: Sequence[int]) -> None:
        """Find out which of these frames name others than this run's own, or nobody; nothing else is kept of them."""
        if not indexes:
            return
        if self.reader.read is None:
            self.unusual.update(indexes)
            return
        frames = picked(self.frames, indexes)
        try:
            # What is skipped is not checked for being UTF-8; many at once cost next to nothing.
            b"".join(frames).decode()
            self._look_at(indexes, list(map(self.reader.named, frames)))
        except UNREADABLE:
            self._read_one_by_one(indexes, frames)

    def take_over(self, indexes: Sequence[int], beside: "Stream", others: Sequence[int]) -> None:
        """Take note that these frames are, byte for byte, those of another stream, which has read them."""
        if beside.own != self.own:
            self.read(indexes)
            return
        for mine, theirs in ((self.unusual, beside.unusual), (self.misnamed, beside.misnamed)):
            if theirs:
                mine.update(index for index, other in zip(indexes, others, strict=True) if other in theirs)

    def _read_one_by_one(self, indexes: Sequence[int], frames: list[bytes]) -> None:
        for index, frame in zip(indexes, frames, strict=True):
            try:
                frame.decode()
                named = self.reader.named(frame)
            except UNREADABLE:
                self.unusual.add(index)  # an unusual shape, or no JSON: decoding it whole will tell
            else:
                self._look_at([index], [named])

    def _look_at(self, indexes: Sequence[int], named: list[object]) -> None:
        if named.count(self._owner) != len(named):
            self.misnamed.update(index for index, names in zip(indexes, named, strict=True) if names != self._owner)

    def content(self, index: int) -> Content | None:
        """Return the content of a frame that was read; None when it has no head."""
        content, read = self._contents.get(index), self.reader.read
        if content is None and index not in self.unusual and read is not None:
            try:
                content = self._contents[index] = self.reader.content(read(self.frames[index]))
            except UNREADABLE:
                self.unusual.add(index)
        return content

    def value(self, index: int) -> dict[str, Json] | None:
        """Return the frame decoded anew, not normalised; None when it is undecodable."""
        try:
            return decode_object(self.frames[index])
        except UndecodableError as error:
            self.undecodable[index] = str(error)
            return None

    def normal(self, index: int) -> Normal:
        """Return the frame normalised. An undecodable one stands for itself, byte for byte, and is noted in `undecodable`."""
        normal = self._normals.get(index)
        if normal is None:
            value = self.value(index)
            try:
                normal = self._unread(index) if value is None else self._normaliser.event(self.events[index].kind, value)
            except RecursionError:
                normal = self._unread(index, TOO_DEEP)
            self._normals[index] = normal
            self.has_holes = self.has_holes or bool(normal.holes)
        return normal

    def _unread(self, index: int, why: str = "") -> Normal:
        if why:
            self.undecodable[index] = why
        return Normal(b"undecodable:" + self.frames[index], (), {})

    def body(self, index: int, content: Content) -> Normal:
        """Return the body of a frame with this content, normalised: enough to tell whether it equals another one."""
        normal = self._bodies.get(index)
        if normal is None:
            try:
                normal = self._normaliser.body(self.events[index].kind, content[0])
            except UNREADABLE as error:  # reading the head skips over the body without reading its numbers and escapes
                normal = self._unread(index, TOO_DEEP if isinstance(error, RecursionError) else str(error))
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

    @property
    def lanes(self) -> dict[str, list[int]]:
        """The frames of each lane, in order; lanes in order of their first frame."""
        return self.outline.lanes

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


def picked(items: list[_Item], indexes: Sequence[int]) -> list[_Item]:
    """Return the items at these indexes."""
    if isinstance(indexes, range):
        return items[indexes.start : indexes.stop]
    return [items[index] for index in indexes]


def _tuple_of(*names: str) -> Callable[[_Head], Content]:
    """Return what gets these attributes as a tuple, however few they are."""
    if len(names) > 1:
        return attrgetter(*names)
    only = [attrgetter(name) for name in names]
    return lambda head: tuple(get(head) for get in only)


def forms(control: Stream, candidate: Stream, i: int, j: int) -> tuple[Normal, Normal, Path]:
    """Return two frames of one kind in normal form, and where that begins: at the body when nothing else differs, else at the root."""
    a, b = control.content(i), candidate.content(j)
    if a is None or b is None or a[1:] != b[1:]:
        return control.normal(i), candidate.normal(j), ()
    return control.body(i, a), candidate.body(j, b), (control.reader.policy.envelope.body,)
