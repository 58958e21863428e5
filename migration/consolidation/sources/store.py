"""The cache between two runs: digests by file status, facts and whole inventories by content. Losing it costs time only."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from migration.consolidation.inventory import Inventory
from migration.consolidation.reading.facts import FileFacts
from migration.consolidation.reading.scan import Sighting
from migration.consolidation.sources.discovery import SourceFile

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

#: A file that changed this shortly before it was read may change again without a new time stamp, so its status proves
#: nothing (as in git's index).
_RACY_NS: Final = 2_000_000_000


class _Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file's status, and the digest of the content that it had then."""

    size: int
    changed_ns: int
    inode: int
    content: str


def default_cache() -> Path:
    """Return the cache folder for audits, as defined by the XDG base directory specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netra-migration" / "audit"


class Store:
    """The cache of audits of one tree.

    Args:
        folder: the cache's folder; None: nothing is kept.
        root: the audited folder.
        now_ns: wall clock, to compare with time stamps of files.
    """

    def __init__(self, folder: Path | None, root: Path, now_ns: int) -> None:
        name = hashlib.blake2b(os.fsencode(root) + _own_version(), digest_size=12).hexdigest()
        self._folder = folder / name if folder is not None else None
        self._now_ns = now_ns
        self._known = self._load("files", dict[str, _Known]) or {}
        self._sightings: dict[str, dict[str, Sighting]] | None = None
        self._facts: dict[str, FileFacts] | None = None
        self._used_sightings: dict[str, dict[str, Sighting]] = {}
        self._used_facts: dict[str, FileFacts] = {}

    def content(self, file: SourceFile) -> str | None:
        """Return the digest of the file's content, if its status shows that the content did not change; None: it must be read."""
        known = self._known.get(file.path)
        same = known is not None and (known.size, known.changed_ns, known.inode) == (file.size, file.changed_ns, file.inode)
        return known.content if known is not None and same else None

    def remember_contents(self, contents: Mapping[str, tuple[SourceFile, str]]) -> None:
        """Keep the digests of all files; other files are forgotten."""
        self._known = {
            path: _Known(file.size, file.changed_ns, file.inode, content)
            for path, (file, content) in contents.items()
            if self._now_ns - file.changed_ns > _RACY_NS
        }
        self._save("files", self._known)

    def sighting(self, words: str, content: str) -> Sighting | None:
        """Return what a scan for these words (a digest) found in this content; None: unknown."""
        if self._sightings is None:
            self._sightings = self._load("sightings", dict[str, dict[str, Sighting]]) or {}
        found = self._sightings.get(words, {}).get(content)
        if found is not None:
            self.keep_sighting(words, content, found)
        return found

    def keep_sighting(self, words: str, content: str, sighting: Sighting) -> None:
        """Keep what a scan for these words (a digest) found in this content, which is also given as a digest."""
        self._used_sightings.setdefault(words, {})[content] = sighting

    def facts(self, key: str) -> FileFacts | None:
        """Return the facts kept under this key; None: there are none."""
        if self._facts is None:
            self._facts = self._load("facts", dict[str, FileFacts]) or {}
        found = self._facts.get(key)
        if found is not None:
            self._used_facts[key] = found
        return found

    def keep_facts(self, key: str, facts: FileFacts) -> None:
        """Keep the facts of a file."""
        self._used_facts[key] = facts

    def inventory(self, key: str) -> Inventory | None:
        """Return the inventory kept under this key; None: there is none, or the kept inventory has another key."""
        kept = self._load("inventory", tuple[str, Inventory])
        return kept[1] if kept is not None and kept[0] == key else None

    def keep_inventory(self, key: str, inventory: Inventory) -> None:
        """Keep the inventory, and of the sightings and facts only those that this run used."""
        self._save("sightings", self._used_sightings)
        self._save("facts", self._used_facts)
        self._save("inventory", (key, inventory))

    def _load(self, name: str, kind: type[_T]) -> _T | None:
        if self._folder is None:
            return None
        try:
            return msgspec.msgpack.decode((self._folder / f"{name}.msgpack").read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            logger.warning(
                "the audit's cache cannot be read and will be rebuilt", extra={"cache_file": name, "error_type": type(error).__name__}
            )
            return None

    def _save(self, name: str, value: object) -> None:
        if self._folder is None:
            return
        temporary = ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=f"{name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.msgpack.encode(value))
            Path(temporary).replace(self._folder / f"{name}.msgpack")
        except OSError as error:
            logger.warning("the audit's cache cannot be written; the next run will be slower", extra={"error_type": type(error).__name__})
            if temporary:
                Path(temporary).unlink(missing_ok=True)


def digest(parts: Iterable[str]) -> str:
    """Return one digest of several texts, in order."""
    whole = hashlib.blake2b(digest_size=16)
    for part in parts:
        whole.update(part.encode() + b"\0")
    return whole.hexdigest()


@cache
def _own_version() -> bytes:
    """Return a digest of this package's code, because the cache of another version is not used."""
    whole = hashlib.blake2b(digest_size=12)
    for file in sorted(Path(__file__).parent.parent.rglob("*.py")):
        whole.update(file.read_bytes())
    return whole.digest()
