"""LaunchDarkly's flag file as a source. A half-written file is ignored until it is complete."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ldclient import Config
from ldclient.interfaces import UpdateProcessor

from migration.flags.file_follower import Follower
from migration.flags.intake.intake import FlagIntake
from migration.flags.meaning.data import read_flag_data

_SILENCE_S: Final = 5.0  #: minimum; a check that takes longer means that the disk does not answer


class FlagFile:
    """The `FlagSource` of a flag file.

    Args:
        path: the file; it need not exist yet.
        poll_s: seconds between two checks.
    """

    def __init__(self, path: Path, *, poll_s: float) -> None:
        self.path, self._poll_s = path, poll_s
        self.name = f"file:{path}"

    def options(self, _on_loss: Callable[[str], None] | None = None) -> Mapping[str, Any]:
        """Return options without a connection: a flag file needs no LaunchDarkly, and no events are sent."""
        return {"sdk_key": "sdk-key-not-needed-for-a-file", "send_events": False}

    def processor(self, _config: Config, intake: FlagIntake, ready: threading.Event, /) -> UpdateProcessor:
        """Return the object that checks the file repeatedly, in a separate thread."""
        intake.silence_s = max(_SILENCE_S, 5 * self._poll_s)
        follower = Follower(self.path, self._poll_s, take=lambda raw: intake.take(*read_flag_data(raw)), good=intake.good, down=intake.down)
        return _Looks(follower, intake, ready)


class _Looks(UpdateProcessor):
    def __init__(self, follower: Follower, intake: FlagIntake, ready: threading.Event) -> None:
        self._follower, self._intake, self._ready = follower, intake, ready

    def start(self) -> None:
        self._follower.start()
        self._ready.set()

    def stop(self) -> None:
        self._follower.stop()

    def initialized(self) -> bool:
        return self._intake.taken
