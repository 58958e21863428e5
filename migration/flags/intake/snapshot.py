"""The last known flags on disk, one file for each source, so that they survive a restart while the source cannot be read."""

import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from migration.flags.meaning.data import FlagData, check_items

logger = logging.getLogger(__name__)
_FORMAT: Final = 1
_LIMIT: Final = 64 * 2**20  #: bytes; a larger file is not a snapshot


class Snapshot:
    """Stores the flags of one source.

    Args:
        folder: the folder of snapshots; created, readable only for its owner, with the first snapshot.
        source: the source's name; another source never gets these flags.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._source = source
        self.path = folder / f"{hashlib.sha256(source.encode(errors='surrogatepass')).hexdigest()[:16]}.json"

    def load(self) -> FlagData | None:
        """Return the stored flags; None: there are none, or they are damaged, which is logged."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(_LIMIT)
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("flags: the snapshot %s cannot be read (%s); it is not used", self.path, error.strerror)
            return None
        data = self._checked(raw)
        if data is None:
            logger.warning("flags: the snapshot %s is damaged, or is from another source or version; it is not used", self.path)
        return data

    def keep(self, data: FlagData) -> None:
        """Replace the stored flags by these, readable only by the owner.

        Raises:
            OSError: the flags cannot be written; the previous snapshot is unchanged.
        """
        payload = {"flags": {**data.flags}, "segments": {**data.segments}}
        text = json.dumps({"format": _FORMAT, "source": self._source, "sha256": _digest(payload), **payload})
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # mode 0600
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _checked(self, raw: bytes) -> FlagData | None:
        try:
            kept = json.loads(raw)
            payload = {"flags": kept["flags"], "segments": kept["segments"]}
            whole = kept["format"] == _FORMAT and kept["source"] == self._source and kept["sha256"] == _digest(payload)
            data, problems = check_items(**payload) if whole else (None, ())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return None if problems else data


def _digest(payload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
