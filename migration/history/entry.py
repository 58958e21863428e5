"""The history's entry for one edit, decision or death."""

import getpass
import os
import socket
import time
from typing import Literal

import msgspec

Kind = Literal["edit", "kill_switch", "emergency", "elsewhere", "jump", "decision", "process_died", "erasure"]
"""`edit`: by these commands; `elsewhere`: an edit by other means, seen by evaluation; `jump`: one of the latter that skipped a stage."""


def operator() -> str:
    """Return the user who runs this process: the user behind `sudo` if there is one, otherwise its own user."""
    behind = os.environ.get("SUDO_USER", "")
    try:
        own = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        own = str(os.getuid())
    return f"{behind} as {own}" if behind else own


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history.

    Tenants that `what` or `why` name are listed in `tenants`: the log itself contains digests of them, so that a tenant can be erased
    without changing the log.
    """

    kind: Kind
    what: str  #: a sentence: before and after
    surface: str = ""  #: empty: all of them, or none in particular
    why: str = ""  #: as the operator gave it; empty: no reason was given
    source: str = ""  #: of flags, e.g. "file:var/flags.json"; empty: this is not about flags
    flag: str = ""  #: key of the flag; empty: this is not about one flag
    version_before: int | None = None  #: of the flag; None: unknown, or this is not about flags
    version_after: int | None = None
    seen: str = ""  #: how it was seen, e.g. "4 of 4 processes follow, the slowest after 0.3 s"
    tenants: tuple[str, ...] = ()
    who: str = msgspec.field(default_factory=operator)
    host: str = msgspec.field(default_factory=socket.gethostname)
    at: float = msgspec.field(default_factory=time.time)  #: Unix seconds
