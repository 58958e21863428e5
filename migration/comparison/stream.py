"""One run's frames, decoded as little as the comparison needs.

A frame of the usual shape is read into a typed head: its texts, and its body left as raw bytes. Two frames with equal texts and equal
body bytes are equal without a look inside. Only the others are decoded whole and normalised, once.

Of a head only what is compared is kept, and `pairing.py` has even that forgotten once a frame was found equal.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby
from operator import attrgetter, eq
from typing import Any

import msgspec

from migration.comparison.canonical import TOO_DEEP, UNREADABLE, UndecodableError, decode_object
from migration.comparison.normalise import Normal, Normaliser
from migration.comparison.paths import Json, Path, matches
from migration.comparison.policy import EVERY_EVENT, Policy
from migration.model import Origin, RunRecord, RunRequest

_Head = Any  # a struct made from the policy; mypy cannot know its fields
Content = tuple[Any, ...]
"""The body of a frame, raw, and those of its texts that are compared."""


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
        self.content: Callable[[_Head], Content] = (
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
        self.contents: list[Content | None] = [None] * len(run.events)  #: of each frame; None: no head, not read yet, or forgotten
        self._beside = beside if beside is not None and beside.own == self.own else None

    def read(self, indexes: Sequence[int], others: Sequence[int] = ()) -> None:
        """Read these frames, each once.

        Args:
            indexes: which.
            others: the frames of the stream beside that may be the same ones, as many; (): none may.
        """
        read, beside = self.reader.read, self._beside
        if read is None:
            self.unusual.update(indexes)
            return
        frames = [self.events[index].payload for index in indexes]
        # Engines without a clock of their own send most frames in the same bytes: those were read before.
        if beside is None or not others or frames[0] != beside.events[others[0]].payload:
            self._read_all(indexes, frames, read)
            return
        begin = 0
        for same, places in groupby(map(eq, frames, [beside.events[index].payload for index in others])):
            stop = begin + len(list(places))
            if same:
                self._take_over(indexes[begin:stop], beside, others[begin:stop])
            else:
                self._read_all(indexes[begin:stop], frames[begin:stop], read)
            begin = stop

    def content(self, index: int) -> Content | None:
        """Return the content of a frame, read again if it was forgotten; None when it has no head."""
        content = self.contents[index]
        if content is None and index not in self.unusual and self.reader.read is not None:
            content = self.contents[index] = self.reader.content(self.reader.read(self.events[index].payload))
        return content

    def _take_over(self, indexes: Sequence[int], beside: "Stream", others: Sequence[int]) -> None:
        """Keep what is known of the same frames of the other stream."""
        self.keep(indexes, [beside.contents[index] for index in others])
        for mine, theirs in ((self.unusual, beside.unusual), (self.misnamed, beside.misnamed)):
            if theirs:
                mine.update(index for index, other in zip(indexes, others, strict=True) if other in theirs)

    def _read_all(self, indexes: Sequence[int], frames: list[bytes], read: Callable[[bytes], _Head]) -> None:
        try:
            # A body that is left as raw bytes is not checked for being UTF-8; many at once cost next to nothing.
            b"".join(frames).decode()
            self._keep_heads(indexes, list(map(read, frames)))
        except UNREADABLE:
            self._read_one_by_one(indexes, frames, read)

    def _read_one_by_one(self, indexes: Sequence[int], frames: list[bytes], read: Callable[[bytes], _Head]) -> None:
        for index, frame in zip(indexes, frames, strict=True):
            try:
                frame.decode()
                head = read(frame)
            except UNREADABLE:
                self.unusual.add(index)  # an unusual shape, or no JSON: decoding it whole will tell
            else:
                self._keep_heads([index], [head])

    def _keep_heads(self, indexes: Sequence[int], heads: list[_Head]) -> None:
        identities = list(map(self.reader.identity, heads))
        if identities.count(self.own) != len(heads):
            self.misnamed.update(index for index, identity in zip(indexes, identities, strict=True) if identity != self.own)
        self.keep(indexes, list(map(self.reader.content, heads)))

    def keep(self, indexes: Sequence[int], contents: Sequence[Content | None]) -> None:
        """Keep the contents of these frames; None: forget it."""
        if isinstance(indexes, range):
            self.contents[indexes.start : indexes.stop] = contents
            return
        for index, content in zip(indexes, contents, strict=True):
            self.contents[index] = content

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
        return Normal(b"undecodable:" + self.events[index].payload, (), {})

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
