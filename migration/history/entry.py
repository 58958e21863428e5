"""The history's entry for one edit, decision or death."""

import getpass
import os
import socket
import time
from typing import Final, Literal

import msgspec

Kind = Literal[
    "edit",
    "kill_switch",
    "emergency",
    "elsewhere",
    "jump",
    "promotion",
    "rollback",
    "decision",
    "release",
    "process_died",
    "erasure",
]
"""`edit`: an edit by the migration's commands; `elsewhere`: an edit by other means, found by evaluation; `jump`: such an edit that
skipped a stage; `promotion`, `rollback`, `decision`: what a controller did, and what else it decided; `release`: another version of the
code began to serve.
"""
OF_RAMPS: Final = frozenset({"promotion", "rollback", "decision"})
"""The kinds of entries about what a ramp did or decided."""


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

    `tenants` lists the tenants that `what` or `why` name. The log itself contains only digests of them, so that a tenant can be erased
    without a change of the log.
    """

    kind: Kind
    what: str  #: a sentence with the states before and after
    surface: str = ""  #: empty: all surfaces, or none in particular
    why: str = ""  #: the operator's reason; empty: no reason was given
    source: str = ""  #: source of the flags, e.g. "file:var/flags.json"; empty: the entry is not about flags
    flag: str = ""  #: key of the flag; empty: the entry is not about one flag
    version_before: int | None = None  #: version of the flag; None: unknown, or the entry is not about flags
    version_after: int | None = None
    seen: str = ""  #: how the effect was confirmed, e.g. "4 of 4 processes follow, the slowest after 0.3 s"
    tenants: tuple[str, ...] = ()
    who: str = msgspec.field(default_factory=operator)
    host: str = msgspec.field(default_factory=socket.gethostname)
    at: float = msgspec.field(default_factory=time.time)  #: Unix seconds
