"""Finds frames that name another tenant, user, thread or run than the one for which they were sent."""

from collections.abc import Sequence

from migration.comparison.paths import Json
from migration.comparison.read.canonical import UNREADABLE, check_text
from migration.comparison.read.frames import Frames, picked
from migration.model import RunRequest


class Owners:
    """Finds out which identities the frames of one run name.

    Args:
        frames: the run's frames.
        request: the run's request; the run's own frames name its ids.
    """

    def __init__(self, frames: Frames, request: RunRequest) -> None:
        self.frames, self._reader, self._request = frames, frames.reader, request
        self.own = self._reader.expected(request)  #: the ids of this run's tenant, user, thread and run, as its own frames contain them
        self._owner = self._reader.owner(self.own)
        self.misnamed: set[int] = set()  #: frames that name another identity

    def read(self, indexes: Sequence[int]) -> None:
        """Find the frames that name no identity, or another identity than this run's; nothing is stored about the others."""
        if not indexes:
            return
        if self._reader.read is None:
            self.frames.unusual.update(indexes)
            return
        frames = picked(self.frames.encoded, indexes)
        try:
            check_text(frames)
            self._look_at(indexes, list(map(self._reader.named, frames)))
        except UNREADABLE:
            self._read_one_by_one(indexes, frames)

    def take_over(self, indexes: Sequence[int], beside: "Owners", others: Sequence[int]) -> None:
        """Record that these frames have the same bytes as frames of another stream, which has already read them."""
        if beside.own != self.own:
            self.read(indexes)
            return
        for here, there in ((self.frames.unusual, beside.frames.unusual), (self.misnamed, beside.misnamed)):
            if there:
                here.update(index for index, other in zip(indexes, others, strict=True) if other in there)

    def _read_one_by_one(self, indexes: Sequence[int], frames: list[bytes]) -> None:
        for index, frame in zip(indexes, frames, strict=True):
            try:
                frame.decode()
                named = self._reader.named(frame)
            except UNREADABLE:
                self.frames.unusual.add(index)  # an unusual shape, or not JSON: decoding it completely decides
            else:
                self._look_at([index], [named])

    def _look_at(self, indexes: Sequence[int], named: list[object]) -> None:
        if named.count(self._owner) != len(named):
            self.misnamed.update(index for index, names in zip(indexes, named, strict=True) if names != self._owner)

    def foreign(self) -> list[int]:
        """Return the frames that do not name this run's own tenant, user, thread and run."""
        return sorted([*self.misnamed, *filter(self._is_foreign, self.frames.unusual)])

    def _is_foreign(self, index: int) -> bool:
        value = self.frames.value(index)
        return value is not None and bool(self.foreign_fields(value))

    def foreign_fields(self, value: dict[str, Json]) -> dict[str, Json]:
        """Return the identity fields of a decoded frame that name another identity. A missing field is not included: it is
        reported as a lost key.
        """
        identity = self._reader.policy.envelope.identity
        return {field: value[field] for name, field in identity.items() if field in value and value[field] != getattr(self._request, name)}
