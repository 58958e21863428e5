"""What a serving process and its worker agree on. The serving process imports this, and nothing of what the worker does."""

from typing import Final

import msgspec

from migration import variables
from migration.settings import MigrationSettings
from migration.shadow import child_environment

#: Exit status of a worker that asks to be replaced: an engine made it unusable. From <sysexits.h>: EX_TEMPFAIL.
RECYCLE: Final = 75
#: Seconds after a job's deadline in which an engine that still holds its loop is killed together with its process.
GRACE_S: Final = 2.0
#: Seconds that comparing and storing may take; both have separate limits far below.
COMPARE_S: Final = 10.0


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The first frame: the parent's settings. They contain secrets, so they are passed neither as arguments nor in the environment."""

    settings: bytes  #: JSON
    parts: str  #: import string of a callable (MigrationSettings) -> Parts
    engines: str  #: import string of a callable (MigrationSettings) -> Engines, for the cell
    environment: dict[str, str] = {}  #: variables that hold secrets: no process starts with them


def hello(settings: MigrationSettings, parts: str, engines: str) -> bytes:
    """Return the first frame of a worker with these parts and engines, which are import strings.

    It contains the environment variables that the child needs.
    """
    environment = child_environment.by_pipe(reading=settings.miss_policy == "allow")
    return msgspec.msgpack.encode(Hello(settings=variables.encode(settings), parts=parts, engines=engines, environment=environment))
