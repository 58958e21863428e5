"""The heartbeat of a serving process: it writes which flags it follows, which tenants it served, which processes died, and which flags were
changed elsewhere.

Only one separate thread, with deadlines, uses the database, so a slow, locked or missing database delays only that thread. Requests only
put the id of their tenant into a dict.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from migration.errors import HistoryError, MigrationError
from migration.evidence import UnseenRuns
from migration.flags import TenantAttributes
from migration.flags.meaning import Tenant
from migration.history import History
from migration.processes.census import Census
from migration.processes.control import ControlServer, control_folder
from migration.processes.deaths import WorkerDeaths, own_the_dead
from migration.processes.flag_watch import FlagChange, FlagWatch
from migration.processes.followed import FollowedFlags
from migration.processes.identity import this_host
from migration.processes.own_row import OwnRows, ShadowCost, ShadowState
from migration.processes.release import note_release
from migration.processes.row import BEAT_S, ProcessRow
from migration.processes.table import ProcessTable
from migration.processes.tenant_list import described, known_tenants
from migration.settings import MigrationSettings
from migration.telemetry import Metrics, multiprocess

logger = logging.getLogger(__name__)

#: Seconds within which the editor of a change writes its own entry; a change without an entry was made elsewhere.
_GRACE_S: Final = 5.0
_SAME_S: Final = 60.0
_REMEMBERED: Final = 500
_MOST_SEEN: Final = 50_000
_STOP_S: Final = 3.0
#: Seconds between two removals of old rows.
_FORGET_S: Final = 3600.0


class Heartbeat:
    """Publishes the state of this process.

    Args:
        settings: the database, `home`, the surfaces.
        flags: the flags that this process follows.
        metrics: count failures of the heartbeat.
        runs: surface -> number of current runs.
        shadow: the state of this process' shadow.
        cost: the governor of the shadow; None: the shadow has no governor.
        failovers: surface -> result -> number of runs that candidate failed.
        unseen: writes the counts of runs that were not compared.
        attributes: attributes of tenants, in addition to those in a request; None: there are none.
        clock: Unix seconds.

    Raises:
        ConfigurationError: the database's URL cannot be used.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        flags: FollowedFlags,
        metrics: Metrics,
        *,
        runs: Callable[[], Mapping[str, int]],
        shadow: ShadowState,
        cost: ShadowCost | None = None,
        failovers: Callable[[], Mapping[str, Mapping[str, int]]] = dict,
        unseen: UnseenRuns | None = None,
        attributes: TenantAttributes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._flags, self._metrics, self._clock, self._attributes = flags, metrics, clock, attributes
        self._table, self._history = ProcessTable(settings.evidence()), History.of_settings(settings)
        self._seen: dict[str, bytes] = {}
        self._served: OrderedDict[str, bytes] = OrderedDict()
        self._rows = OwnRows(
            flags,
            settings.surfaces,
            runs=runs,
            shadow=shadow,
            served=self._last_served,
            cost=cost,
            failovers=failovers,
            clock=clock,
        )
        name = f"server {os.getpid()} on {this_host()}"
        self._watch = FlagWatch(flags, settings.surfaces, self._last_served, host=this_host(), name=name, clock=clock)
        self._changes: list[FlagChange] = []
        self._shadow, self._unseen = shadow, unseen
        self._deaths_of_workers = WorkerDeaths(self._history, name, clock)
        self._worker: ProcessRow | None = None
        self._census = Census(flags, settings.surfaces, self._rows, self._table, self._known)
        self._control = ControlServer(control_folder(settings.home), self._rows.server)
        self._problems: dict[str, str] = {}
        self._release_noted = False
        self._forget_at = 0.0  #: Unix seconds; a new process removes old rows at its first step
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="migration-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._flags.on_change(self._wake.set)
        self._wake.set()  # the first row immediately
        self._control.start()
        self._thread.start()
        self._census.start()

    def stop(self) -> None:
        """Record that this process ends normally, and stop. Takes 3 s at most."""
        self._census.stop()
        self._control.stop()
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._rows.close()

    def saw(self, tenant_id: str, attributes: bytes = b"") -> None:
        """Record that the tenant is served. A request spends almost no time here.

        Args:
            tenant_id: the tenant.
            attributes: the attributes in the request, as a JSON object; b"": none.
        """
        self._seen[tenant_id] = attributes

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(BEAT_S)
            self._wake.clear()
            self.beat()
            self._release_noted = self._release_noted or self._try("release", self._note_release)
        self._try("unseen runs", self._write_unseen)
        if self._unseen is not None:
            self._unseen.close()
        self._try("heartbeat", self._say_goodbye)
        self._table.close()
        self._history.close()

    def beat(self) -> None:
        """Do all steps that are due, once. Never raises."""
        reachable = self._try("heartbeat", self._tell)
        self._try("flags", self._look)
        self._try("metrics", _bury)
        if reachable:  # otherwise each of these steps would also wait for the database
            self._try("unseen runs", self._write_unseen)
            self._try("changes", self._write_changes)
            self._try("tenants", self._write_tenants)
            self._try("deaths", self._find_dead)
            self._try("old rows", self._forget_old)

    def _tell(self) -> None:
        worker = self._rows.worker()
        self._table.beat([self._rows.server(), *([] if worker is None else [worker])])
        gone, self._worker = self._worker, worker
        if gone is not None and (worker is None or worker.process_id != gone.process_id):
            died = any(pid == gone.pid for pid, _ in tuple(self._shadow.worker_deaths))
            self._table.ended([gone.process_id], "died" if died else "stopped")

    def _write_unseen(self) -> None:
        if self._unseen is not None:
            self._unseen.write()

    def _look(self) -> None:
        source = self._flags.status().source
        self._changes += self._watch.look(lambda key: self._history.last_version(source, key))

    def _write_changes(self) -> None:
        """Record changes made elsewhere; each change first waits until its editor has had time to record it."""
        while self._changes and self._clock() >= self._changes[0].seen_at + _GRACE_S:
            change = self._changes[0]
            if self._history.append_once(change.entry, since=change.seen_at - _SAME_S):
                log = logger.error if change.jumped else logger.warning
                log("flags were changed elsewhere: %s", change.entry.kind)
                if change.jumped:
                    self._metrics.flag_jumps.labels(change.entry.surface).inc()
            self._changes.pop(0)

    def _write_tenants(self) -> None:
        seen, self._seen = self._seen, {}
        for tenant_id, said in seen.items():
            self._served[tenant_id] = said
            self._served.move_to_end(tenant_id)
        while len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)
        if not seen:
            return
        try:
            self._table.saw({tenant_id: said.decode() or "{}" for tenant_id, said in seen.items()})
        except MigrationError:
            if len(self._seen) + len(seen) <= _MOST_SEEN:
                self._seen = seen | self._seen
            raise

    def _find_dead(self) -> None:
        own_the_dead(self._table, self._history, self._rows.server())
        self._deaths_of_workers.write(self._shadow.worker_deaths)

    def _note_release(self) -> None:
        note_release(self._history, self._rows.server().name)

    def _forget_old(self) -> None:
        if self._clock() >= self._forget_at:
            self._table.forget_old()
            self._forget_at = self._clock() + _FORGET_S

    def _say_goodbye(self) -> None:
        own = self._rows.server()
        self._table.ended([own.process_id, *([] if self._worker is None else [self._worker.process_id])], "stopped")

    def _last_served(self) -> list[Tenant]:
        return [described(self._attributes, tenant_id, said) for tenant_id, said in self._served.items()]

    def _known(self) -> Iterable[Tenant]:
        return known_tenants(self._table, self._flags.data, self._attributes)

    def _try(self, what: str, step: Callable[[], None]) -> bool:
        """Do one step, and log once that it fails and once that it works again. Return whether it succeeded."""
        try:
            step()
        except Exception as error:
            known = isinstance(error, MigrationError | OSError)
            problem = str(error) if known else type(error).__name__
            self._metrics.failed("history.write" if isinstance(error, HistoryError) else "processes.heartbeat")
            if self._problems.get(what) != problem:
                logger.warning("heartbeat (%s): %s", what, problem, exc_info=not known)
            self._problems[what] = problem
            return False
        if self._problems.pop(what, None) is not None:
            logger.warning("heartbeat (%s): works again", what)
        return True


def _bury() -> None:
    multiprocess.bury_dead()
