"""The gauges of flags: what the SDK evaluates, and how well the source can be read."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from migration.flags.contexts import Tenant
from migration.flags.data import FlagData, surface_flag_key
from migration.flags.evaluation import FlagEvaluator
from migration.flags.sources.source import FlagStatus
from migration.model import Stage
from migration.telemetry.metrics import Metrics

#: Stand for tenants without attributes and without a pin. Enough that a percentage is off by three at most, mostly.
_MADE_UP: Final = tuple(Tenant(tenant_id=f"made-up-{number}") for number in range(200))


class FlagGauges:
    """Shows what holds.

    Args:
        metrics: the gauges.
        surfaces: those that are shown.
    """

    def __init__(self, metrics: Metrics, surfaces: Sequence[str]) -> None:
        self._metrics, self._surfaces = metrics, surfaces
        self._shown: FlagData | None = None

    def show_flags(self, data: FlagData, evaluator: FlagEvaluator, *, emergency: bool) -> None:
        """Evaluate, and show versions, kill switch and shares of the stages."""
        for surface in self._surfaces:
            flag = data.live(surface_flag_key(surface))
            self._metrics.flag_version.labels(surface).set(0 if flag is None else flag["version"])
            killed = emergency or evaluator.killed(surface, _MADE_UP[0])
            self._metrics.kill_switch.labels(surface).set(int(killed))
            if data is self._shown:
                continue
            stages = Counter(evaluator.stage(surface, tenant).stage or Stage.OFF for tenant in _MADE_UP)
            for stage in Stage:
                self._metrics.stage_percent.labels(surface, stage.value).set(100 * stages[stage] / len(_MADE_UP))
        self._shown = data

    def show_source(self, status: FlagStatus, *, emergency: bool) -> None:
        """Show how well flags can be read."""
        self._metrics.flag_source_up.set(int(status.up))
        self._metrics.flag_source_age_seconds.set(status.age_s if status.age_s is not None else float("inf"))
        self._metrics.emergency_switch.set(int(emergency))
