"""However many tenants, fingerprints, tools and processes there are, a scrape stays small."""

from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from migration.flags.gauges import FlagGauges
from migration.model import Comparison, Divergence, DivergenceKind, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.sentence import say
from migration.shadow.counts import ShadowCounts
from migration.stages import PLANS
from migration.telemetry.exposition import render
from migration.telemetry.metrics import MOST_WATCHED, Metrics
from migration.telemetry.run_counts import RunCounts

SURFACES = ("chat", "tools", "batch", "oneshot")
TENANTS = 10_000
FINGERPRINTS = 1_000
MOST_SERIES = 5_000
TIMING = Timing(duration_s=1.0, effect_s=0.5, first_event_s=0.1)


def compared(number: int, surface: str) -> Comparison:
    kinds = get_args(DivergenceKind)
    tool = f"tool-{number % 100}"
    divergence = Divergence(
        kind=kinds[number % len(kinds)],
        severity="contract",
        fingerprint=f"{number % FINGERPRINTS:012x}",
        lane=f"data/{tool}#1",
        path=f"tool.{tool}",
        control=None,
        candidate=None,
        sentence=say("it differs"),
    )
    tenant = f"tenant-{number}"
    return Comparison(
        surface=surface,
        tenant_id=tenant,
        user_id="ann",
        thread_id="t",
        run_id=f"run-{number}",
        stage=Stage.SHADOW,
        serving=Origin.CONTROL,
        verdict=Verdict.DIVERGENT,
        divergences=(divergence,),
        control=TIMING,
        candidate=TIMING,
    )


@pytest.mark.parametrize("watched", [0, 200])
def test_ten_thousand_tenants_and_a_thousand_fingerprints_are_under_five_thousand_series(watched):
    metrics = Metrics([f"tenant-{number}" for number in range(watched)], CollectorRegistry(), SURFACES)
    counts, _ = ShadowCounts(metrics), FlagGauges(metrics, SURFACES)
    runs = {surface: RunCounts(metrics, surface) for surface in SURFACES}
    for number in range(TENANTS):
        surface, plan = SURFACES[number % len(SURFACES)], PLANS[list(Stage)[number % len(Stage)]]
        counts.compared(compared(number, surface), 0.1)
        request = RunRequest(
            surface=surface, tenant_id=f"tenant-{number}", user_id="u", thread_id="t", run_id="r", payload=b"{}", received_at=0.0
        )
        record = RunRecord(request=request, origin=plan.serves, events=(), journal=(), outcome="failed", duration_s=1.0, trace_id=None)
        runs[surface].ended(record, "failed", plan.stage)

    text = render(metrics.registry)[0].decode()

    assert sum(1 for line in text.splitlines() if not line.startswith("#")) < MOST_SERIES
    assert len({line.split('tenant="')[1].split('"')[0] for line in text.splitlines() if 'tenant="' in line}) <= MOST_WATCHED + 1
