"""Runs the governor in a serving process: measures costs, passes them to the governor, shows its decisions, and lets the shadow rest."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from migration.flags import probability
from migration.settings import MigrationSettings
from migration.shadow.governor import LOOK_S, ShadowGovernor
from migration.shadow.job import ShadowResult
from migration.shadow.pressure import Cause, CpuShare, LoopLag, Measured, pressures
from migration.shadow.tax import ShadowTax, Tax
from migration.telemetry import Metrics

if TYPE_CHECKING:
    from migration.evidence import GateNeeds

logger = logging.getLogger(__name__)
QUANTILES: Final = (0.5, 0.99)
NEEDS_S: Final = 10.0
"""Seconds between two readings of the needs of gates."""
_MINUTE_S: Final = 60.0


class Governed(Protocol):
    """The shadow that is governed."""

    @property
    def waiting(self) -> int:
        """Jobs that wait or run."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait."""
        ...

    @property
    def oldest_s(self) -> float:
        """Seconds that the oldest job has waited; 0: none waits."""
        ...

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        ...

    def govern(self, *, resting: bool, overloaded: bool) -> None:
        """Send the worker no job while it rests; shed new jobs while it is overloaded."""
        ...


class Governing:
    """Governs the shadow of a serving process; `flags/draw.py` asks it for each run. Everything is called on one loop.

    Args:
        settings: the limits.
        metrics: show the shares, the highest pressure and the tax.
        needs: how much each gate needs more runs; read in the background, and until then all gates need them equally; None: they always do.
        clock: monotonic seconds.
        now: Unix seconds.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        metrics: Metrics,
        *,
        needs: "GateNeeds | None" = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._metrics, self._clock = settings, metrics, clock
        self._tax = ShadowTax(settings.shadow_rest_percent, clock=now)
        self._needs, self._need = needs, dict.fromkeys(settings.surfaces, 1.0)
        self._governor = ShadowGovernor(settings.surfaces, need=self.need, resting=self._tax.resting, changed=self._changed)
        self._lag, self._cpu = LoopLag(), CpuShare(clock)
        self._reads: deque[tuple[float, int]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._cause: Cause | None = None
        self.level = self._governor.level  #: the method itself, because it is called for each run
        self.began, self.ended = self._tax.began, self._tax.ended

    def start(self, shadow: Governed) -> None:
        """Begin, on the running loop."""
        self._lag.start()
        create = asyncio.get_running_loop().create_task
        self._tasks.append(create(self._work(shadow), name="shadow governor"))
        if self._needs is not None:
            self._tasks.append(create(self._follow(self._needs), name="needs of gates"))

    async def aclose(self) -> None:
        """Stop. Idempotent."""
        self._lag.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._needs is not None:
            self._needs.close()

    def need(self, surface: str) -> float:
        """Return how much the gate of a surface needs more runs, from 0 to 1, as it was read last; 1: it is not known."""
        return self._need.get(surface, 1.0)

    @property
    def shares(self) -> dict[str, float]:
        """The share of the flag's percentage that is drawn, by surface: 1 to 1/64."""
        return {surface: probability(100.0, level) for surface, level in self._governor.levels.items()}

    @property
    def cause(self) -> Cause | None:
        """The cause for which the share of a surface is lowered; None: no share is lowered."""
        return self._cause

    def taxes(self) -> dict[str, list[float]]:
        """Return, for each quantile with a known tax, its lower bound, estimate and upper bound."""
        return {f"{tax.quantile:g}": [tax.lower, tax.estimate, tax.upper] for tax in self._known()}

    def _known(self) -> list[Tax]:
        return [found for quantile in QUANTILES if (found := self._tax.tax(quantile)) is not None]

    def saw(self, result: ShadowResult) -> None:
        """Count the reads that a shadow performed because its journal did not contain them."""
        if result.comparison is not None and result.comparison.effects_permitted:
            self._reads.append((self._clock(), result.comparison.effects_permitted))

    async def _work(self, shadow: Governed) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look(shadow)
            except Exception as error:  # noqa: BLE001 - the shares stay as they are, and the next look may succeed
                logger.error("shadow.govern failed with %s; the shares stay as they are", type(error).__name__)  # noqa: TRY400 - no payload in logs
                self._metrics.failed("shadow.govern")

    async def _follow(self, needs: "GateNeeds") -> None:
        """Read the needs of gates. Done in a separate task, so that the governor's checks continue while the database hangs."""
        problem: str | None = None
        while True:
            try:
                self._need, problem = dict(await asyncio.to_thread(needs.read)), None
            except Exception as error:  # noqa: BLE001 - without needs, all gates count alike
                if problem != (problem := type(error).__name__):
                    logger.warning("the needs of gates cannot be read (%s); all gates count alike", problem)
                self._need = {}
            await asyncio.sleep(NEEDS_S)

    async def _look(self, shadow: Governed) -> None:
        cpu = await asyncio.to_thread(self._cpu.share, shadow.worker_pid)
        self._metrics.shadow_cpu_seconds.inc(self._cpu.grown_s)
        self._metrics.loop_late_seconds.set(late_s := self._lag.late_s())
        taxes = self._known()
        measured = Measured(
            waiting=shadow.waiting,
            waiting_bytes=shadow.waiting_bytes,
            oldest_s=shadow.oldest_s,
            loop_late_s=late_s,
            tax=max((tax.lower for tax in taxes), default=None),
            cpu=cpu,
            reads_a_minute=self._reads_a_minute(),
        )
        self._governor.look(pressures(measured, self._settings))
        shadow.govern(resting=self._tax.resting(), overloaded=self._governor.closed)
        self._show(taxes)

    def _reads_a_minute(self) -> float:
        since = self._clock() - _MINUTE_S
        while self._reads and self._reads[0][0] < since:
            self._reads.popleft()
        return float(sum(number for _at, number in self._reads))

    def _changed(self, cause: Cause | None) -> None:
        self._tax.forget()  # earlier measurements are about the earlier shares
        if cause is not None:
            self._cause = cause
        elif not any(self._governor.levels.values()):
            self._cause = None
        shares = ", ".join(f"{surface} {share:.3g}" for surface, share in self.shares.items())
        logger.info(
            "shadows: shares of the flags' percentages that are drawn: %s; %s", shares, f"because of {cause}" if cause else "raised"
        )

    def _show(self, taxes: list[Tax]) -> None:
        for surface, share in self.shares.items():
            self._metrics.shadow_share.labels(surface).set(share)
        for tax in taxes:
            for bound, value in (("lower", tax.lower), ("estimate", tax.estimate), ("upper", tax.upper)):
                self._metrics.shadow_tax.labels(f"{tax.quantile:g}", bound).set(value)
