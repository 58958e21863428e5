"""The frames of one run, each decoded and normalised at most once, and only on demand."""

from collections.abc import Sequence
from typing import TypeVar

from migration.comparison.paths import Json
from migration.comparison.read.canonical import TOO_DEEP, UNREADABLE, UndecodableError, decode_object
from migration.comparison.read.heads import HeadReader
from migration.comparison.read.normalise import Normal, Normaliser
from migration.comparison.read.sketches import Content

_Item = TypeVar("_Item")


class Frames:
    """A cache of the contents of frames, by index.

    Args:
        encoded: the frames as they were sent.
        kinds: the kind of event of each frame.
        reader: reads heads.
        normaliser: normalises frames whose bytes are not equal.
    """

    def __init__(self, encoded: list[bytes], kinds: list[str], reader: HeadReader, normaliser: Normaliser) -> None:
        self.encoded, self._kinds = encoded, kinds
        self.reader, self._normaliser = reader, normaliser
        self._normals: dict[int, Normal] = {}
        self._bodies: dict[int, Normal] = {}
        self._contents: dict[int, Content] = {}
        self.undecodable: dict[int, str] = {}  #: index -> why
        self.unusual: set[int] = set()  #: frames that have no head
        self.has_holes = False  #: whether a frame that was read contains a value that can only be judged as a pair

    def content(self, index: int) -> Content | None:
        """Return the content of a frame that was read; None: it has no head."""
        content, read = self._contents.get(index), self.reader.read
        if content is None and index not in self.unusual and read is not None:
            try:
                content = self._contents[index] = self.reader.content(read(self.encoded[index]))
            except UNREADABLE:
                self.unusual.add(index)
        return content

    def value(self, index: int) -> dict[str, Json] | None:
        """Decode the frame again and return it, not normalised; None: it is undecodable."""
        try:
            return decode_object(self.encoded[index])
        except UndecodableError as error:
            self.undecodable[index] = str(error)
            return None

    def normal(self, index: int) -> Normal:
        """Return the frame normalised. An undecodable one is represented by its bytes, and recorded in `undecodable`."""
        normal = self._normals.get(index)
        if normal is None:
            value = self.value(index)
            try:
                normal = self._unread(index) if value is None else self._normaliser.event(self._kinds[index], value)
            except RecursionError:
                normal = self._unread(index, TOO_DEEP)
            self._normals[index] = normal
            self.has_holes = self.has_holes or bool(normal.holes)
        return normal

    def _unread(self, index: int, why: str = "") -> Normal:
        if why:
            self.undecodable[index] = why
        return Normal(b"undecodable:" + self.encoded[index], (), {})

    def body(self, index: int, content: Content) -> Normal:
        """Return the normalised body of a frame with this content, which is enough to compare it with another one."""
        normal = self._bodies.get(index)
        if normal is None:
            try:
                normal = self._normaliser.body(self._kinds[index], content[0])
            except UNREADABLE as error:  # reading the head does not check the body's numbers and escapes
                normal = self._unread(index, TOO_DEEP if isinstance(error, RecursionError) else str(error))
            self._bodies[index] = normal
            self.has_holes = self.has_holes or bool(normal.holes)
        return normal

    def known(self, index: int) -> Normal | None:
        """Return the normalised frame or body if it was computed before, else None."""
        return self._normals.get(index) or self._bodies.get(index)

    def read_fully(self, index: int) -> Normal:
        """Return the normalised frame or body."""
        content = self.content(index)
        return self.known(index) or (self.normal(index) if content is None else self.body(index, content))


def picked(items: list[_Item], indexes: Sequence[int]) -> list[_Item]:
    """Return the items at these indexes."""
    if isinstance(indexes, range):
        return items[indexes.start : indexes.stop]
    return [items[index] for index in indexes]
