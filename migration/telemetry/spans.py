"""Every span name and span attribute, once. Names of OpenTelemetry are used where it has one."""

from typing import Final

RUN: Final = "migration.run"
SHADOW: Final = "migration.shadow"
COMPARE: Final = "migration.compare"

SURFACE: Final = "migration.surface"
STAGE: Final = "migration.stage"
ORIGIN: Final = "migration.origin"
ROLE: Final = "migration.role"
RUN_ID: Final = "migration.run_id"
VERDICT: Final = "migration.verdict"
OUTCOME: Final = "migration.outcome"
FAILOVER_REASON: Final = "migration.failover.reason"
DIVERGENCE_COUNT: Final = "migration.divergence.count"
FLAG_KEY: Final = "feature_flag.key"
FLAG_VARIANT: Final = "feature_flag.result.variant"
FLAG_PROVIDER: Final = "feature_flag.provider.name"
