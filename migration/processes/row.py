"""A process' report about itself: one row, the same in the database and over the loopback socket."""

from typing import Literal

import msgspec

from migration.processes.held_by import HeldBy

Role = Literal["server", "worker"]

BEAT_S = 2.0
"""Seconds between two rows of a process, if nothing changes meanwhile."""
SILENT_AFTER_S = 3 * BEAT_S
"""Seconds without a row after which a process counts as silent: it is stopped, hangs, or cannot reach the database."""
LOST_AFTER_S = 600.0
"""Seconds without a row after which a process on another host, which cannot be checked, counts as dead."""


class ProcessRow(msgspec.Struct, frozen=True, kw_only=True):
    """One serving process or shadow worker. It contains the values that the process evaluates, not the data that it received."""

    process_id: str  #: 32 hex digits, new at each start
    role: Role
    host: str
    pid: int
    birth: str  #: see `identity.birth`
    started_at: float  #: Unix seconds, as all times here
    code_version: str
    said_at: float  #: time of this report, by the same clock as the times in the fields below
    parent_id: str | None = None  #: the serving process of a worker; None: this is not a worker
    surfaces: list[str] = []
    flags_source: str = ""  #: empty: the process follows no flags
    flags_version: int | None = None  #: version of all flags together; None: the process follows no flags
    flags_up: bool | None = None  #: False: the last known flags are in use
    flags_age_s: float | None = None  #: seconds since the source was last read successfully; None: it never was
    flags_error: str | None = None  #: what is wrong with the flags; None: nothing is wrong
    followed_since: float | None = None  #: time at which this version, or this position of the kill switch, was first evaluated
    switch_version: int | None = None  #: version of the kill switch's flag; None: there is none
    kill_switch: dict[str, bool] = {}  #: surface -> whether control serves because of the kill switch, evaluated
    emergency: bool = False  #: whether the host's emergency kill switch is on
    shares: dict[str, dict[str, float]] = {}  #: surface -> stage -> percent of tenants without a pin, evaluated for a sample of them
    known_tenants: int | None = None  #: number of known tenants in the next field; None: another process counts
    stage_counts: dict[str, dict[str, int]] = {}  #: surface -> stage -> number of known tenants at it, evaluated
    counted_at: float | None = None  #: time at which that count was finished
    runs: dict[str, int] = {}  #: surface -> number of current runs
    failover: dict[str, bool] = {}  #: surface -> whether its runs fail over, evaluated for tenants that the flag does not name
    failovers: dict[str, dict[str, int]] = {}  #: surface -> result -> number of runs that candidate failed since the start
    held_by: HeldBy | None = None  #: what confines the engines of a worker; None: it accepts no jobs yet
    shadow_waiting: int = 0  #: number of shadow jobs that wait or run
    shadow_shares: dict[str, float] = {}  #: surface -> share of the flag's percentage of runs that the governor allows
    shadow_cause: str | None = None  #: why shares are lowered, see `Cause` in `shadow/pressure.py`; None: no share is lowered
    shadow_tax: dict[str, list[float]] = {}  #: quantile -> by how much runs are slower because of shadows: lower bound, estimate, upper
    last_error: str | None = None  #: the last failure of the migration itself; None: none since the start

    @property
    def name(self) -> str:
        """The process' name in messages."""
        return f"{self.role} {self.pid} on {self.host}"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A row, and the time at which it was written."""

    row: ProcessRow
    age_s: float  #: seconds since the row was written, by the database's clock
    state: Literal["live", "silent", "died", "stopped", "lost"]
    noted: bool  #: whether the process' end is recorded

    @property
    def serves(self) -> bool:
        """Whether the process may serve requests, because its end is not known."""
        return self.row.role == "server" and self.state in {"live", "silent"}


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A process that may run, and whose row cannot be read, because another version wrote it in another form."""

    host: str
    pid: int

    @property
    def name(self) -> str:
        """The process' name in messages."""
        return f"process {self.pid} on {self.host}"


def encode_row(row: ProcessRow) -> bytes:
    """Return the row as JSON."""
    return msgspec.json.encode(row)


def decode_row(data: bytes | str) -> ProcessRow | None:
    """Return the row; None: another version wrote the row in another form."""
    try:
        row: ProcessRow = _rows.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the three errors that mean "unreadable"
        return None
    return row


_rows = msgspec.json.Decoder(ProcessRow)
