"""The gauges of flags: the values that the SDK evaluates, and whether the source can be read."""

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from migration.flags.decision import Reason
from migration.flags.intake.status import FlagStatus
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.proofs.rollout_bands import bands
from migration.model import Stage
from migration.telemetry import Metrics

#: If a flag is not a plain percentage rollout, these invented tenants represent those without attributes and without a pin. The error is
#: usually at most three percentage points.
_MADE_UP: Final = tuple(Tenant(tenant_id=f"made-up-{number}") for number in range(200))


class FlagGauges:
    """Shows the current values.

    Args:
        metrics: the gauges.
        surfaces: the surfaces that are shown.
    """

    def __init__(self, metrics: Metrics, surfaces: Sequence[str]) -> None:
        self._metrics, self._surfaces = metrics, surfaces
        metrics.zero(metrics.flag_decisions, list(Stage), get_args(Reason))
        self._shown: FlagData | None = None

    def show_flags(self, data: FlagData, evaluator: FlagEvaluator, *, emergency: bool) -> None:
        """Show versions, and the evaluated value of the kill switch."""
        for surface in self._surfaces:
            flag = data.live(surface_flag_key(surface))
            version = 0 if flag is None else flag["version"]
            self._metrics.flag_version.labels(surface).set(version)
            self._metrics.flag_version_oldest.labels(surface).set(version)
            killed = emergency or evaluator.killed(surface, _MADE_UP[0])
            self._metrics.kill_switch.labels(surface).set(int(killed))

    def show_shares(self, data: FlagData, evaluator: FlagEvaluator) -> None:
        """Show the share of tenants at each stage, unless these flags were shown before. This may take some seconds."""
        if data is not self._shown:
            self._shown = data
            for surface in self._surfaces:
                for stage, percent in self._shares(data, surface, evaluator).items():
                    self._metrics.stage_percent.labels(surface, stage.value).set(percent)

    def _shares(self, data: FlagData, surface: str, evaluator: FlagEvaluator) -> Mapping[Stage, float]:
        """Return the percentage of tenants at each stage: of all tenants without a pin if the flag is a plain percentage rollout, otherwise
        of a sample of invented tenants.
        """
        shares = dict.fromkeys(Stage, 0.0)
        if (found := bands(data, surface)) is not None:
            for band in found:
                shares[band.stage] += band.percent
        else:
            for tenant in _MADE_UP:
                shares[evaluator.stage(surface, tenant).stage or Stage.OFF] += 100 / len(_MADE_UP)
        return {stage: round(percent, 3) for stage, percent in shares.items()}

    def show_source(self, status: FlagStatus, *, emergency: bool) -> None:
        """Show whether flags can be read."""
        self._metrics.flag_source_up.set(int(status.up))
        self._metrics.flag_source_age_seconds.set(status.age_s if status.age_s is not None else float("inf"))
        self._metrics.emergency_switch.set(int(emergency))
