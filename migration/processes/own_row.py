"""The current report of this process about itself."""

import logging
import os
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from migration.flags.meaning import KILL_SWITCH, Tenant
from migration.model import Stage
from migration.processes.followed import FollowedFlags
from migration.processes.held_by import held_by
from migration.processes.identity import birth, code_version, own_birth, this_host
from migration.processes.row import ProcessRow

#: A kill switch may have rules. It counts as on if it is on for an unknown tenant and for this many served tenants.
_ASKED_TENANTS: Final = 20
#: Invented tenants that represent tenants without attributes and without a pin.
_SAMPLE: Final = tuple(Tenant(tenant_id=f"made-up-{number}") for number in range(200))


class ShadowState(Protocol):
    """The reported part of the shadow."""

    @property
    def waiting(self) -> int:
        """Number of jobs that wait or run."""
        ...

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        ...

    @property
    def worker_ready(self) -> bool:
        """Whether the worker accepts jobs."""
        ...

    @property
    def worker_deaths(self) -> deque[tuple[int, int]]:
        """Process ids and exit statuses of workers that died; a negative status is the signal that killed the worker.

        The code that records the deaths removes them from this queue.
        """
        ...


class ShadowCost(Protocol):
    """The reported part of the governor; called in the heartbeat's thread."""

    @property
    def shares(self) -> dict[str, float]:
        """The share of the flag's percentage that the governor allows, by surface."""
        ...

    @property
    def cause(self) -> str | None:
        """Why shares are lowered; None: no share is lowered."""
        ...

    def taxes(self) -> dict[str, list[float]]:
        """Return by how much runs are slower because of shadows, by quantile: lower bound, estimate, upper bound."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Known tenants at each stage."""

    tenants: int
    stages: Mapping[str, Mapping[str, int]]  #: surface -> stage -> tenants
    at: float  #: Unix seconds


class OwnRows:
    """Makes the rows of this process and of its worker. Threads may share one object.

    Args:
        flags: the flags that this process follows.
        surfaces: the surfaces that are being migrated.
        runs: surface -> number of current runs.
        shadow: the state of this process' shadow.
        cost: the governor of the shadow; None: the shadow has no governor.
        failovers: surface -> result -> number of runs that candidate failed.
        served: returns the ids of the tenants that were served last.
        clock: Unix seconds.
    """

    def __init__(
        self,
        flags: FollowedFlags,
        surfaces: Collection[str],
        *,
        runs: Callable[[], Mapping[str, int]],
        shadow: ShadowState,
        served: Callable[[], Collection[Tenant]],
        cost: ShadowCost | None = None,
        failovers: Callable[[], Mapping[str, Mapping[str, int]]] = dict,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cost, self._failovers = cost, failovers
        self._flags, self._surfaces, self._runs, self._shadow, self._served = flags, tuple(surfaces), runs, shadow, served
        self._clock = clock
        self.process_id = uuid.uuid4().hex
        self.counted: Counted | None = None  #: None: another process counts, or no count is finished yet
        self._errors = LastError()
        self._started_at = clock()
        self._lock = threading.Lock()
        self._followed: object = None
        self._followed_since = self._started_at
        self._killed: dict[str, bool] = {}
        self._failover: dict[str, bool] = {}
        self._shares: dict[str, dict[str, float]] = {}
        logging.getLogger("migration").addHandler(self._errors)

    def close(self) -> None:
        """Stop following logged errors."""
        logging.getLogger("migration").removeHandler(self._errors)

    def server(self) -> ProcessRow:
        """Return this process' row."""
        status, data, emergency = self._flags.status(), self._flags.data, self._flags.emergency
        counted = self.counted
        with self._lock:
            self._follow(status.version, data, emergency)
            killed, shares, since = dict(self._killed), dict(self._shares), self._followed_since
            failover = dict(self._failover)
        return ProcessRow(
            process_id=self.process_id,
            role="server",
            host=this_host(),
            pid=os.getpid(),
            birth=own_birth(),
            started_at=self._started_at,
            code_version=code_version(),
            said_at=self._clock(),
            surfaces=list(self._surfaces),
            flags_source=status.source,
            flags_version=status.version,
            flags_up=status.up,
            flags_age_s=status.age_s,
            flags_error=status.error,
            followed_since=since,
            switch_version=data.flags.get(KILL_SWITCH, {}).get("version"),
            kill_switch=killed,
            emergency=emergency,
            shares=shares,
            known_tenants=None if counted is None else counted.tenants,
            stage_counts={} if counted is None else {surface: dict(stages) for surface, stages in counted.stages.items()},
            counted_at=None if counted is None else counted.at,
            runs=dict(self._runs()),
            failover=failover,
            failovers={surface: dict(results) for surface, results in self._failovers().items()},
            shadow_waiting=self._shadow.waiting,
            shadow_shares={} if self._cost is None else self._cost.shares,
            shadow_cause=None if self._cost is None else self._cost.cause,
            shadow_tax={} if self._cost is None else self._cost.taxes(),
            last_error=self._errors.last,
        )

    def worker(self) -> ProcessRow | None:
        """Return the row of the shadow worker, which is confined and cannot write it; None: there is no worker now."""
        pid = self._shadow.worker_pid
        born = None if pid is None else birth(pid)
        if pid is None or born is None:
            return None
        return ProcessRow(
            process_id=uuid.uuid5(uuid.UUID(self.process_id), born).hex,
            parent_id=self.process_id,
            role="worker",
            host=this_host(),
            pid=pid,
            birth=born,
            started_at=self._clock(),
            code_version=code_version(),
            said_at=self._clock(),
            surfaces=list(self._surfaces),
            held_by=held_by(pid) if self._shadow.worker_ready else None,
            shadow_waiting=self._shadow.waiting,
        )

    def _follow(self, version: int, data: object, emergency: bool) -> None:
        """Evaluate the kill switch and the shares of stages after a change, and record the time of the change."""
        now = (version, id(data), emergency)
        if now == self._followed:
            return
        tenants = [_SAMPLE[0], *list(self._served())[:_ASKED_TENANTS]]
        self._killed = {surface: all(self._is_killed(surface, tenant, emergency) for tenant in tenants) for surface in self._surfaces}
        self._failover = {surface: self._flags.evaluator.failover(surface, _SAMPLE[0]) for surface in self._surfaces}
        self._shares = {surface: self._share(surface) for surface in self._surfaces}
        self._followed, self._followed_since = now, self._clock()

    def _share(self, surface: str) -> dict[str, float]:
        stages = Counter(self._flags.evaluator.stage(surface, tenant).stage or Stage.OFF for tenant in _SAMPLE)
        return {stage.value: 100 * stages[stage] / len(_SAMPLE) for stage in Stage if stages[stage]}

    def _is_killed(self, surface: str, tenant: Tenant, emergency: bool) -> bool:
        return emergency or self._flags.evaluator.killed(surface, tenant)


class LastError(logging.Handler):
    """Keeps the last error that was logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message without the exception's own text."""
        self.last = record.getMessage()[:500]
