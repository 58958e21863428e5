"""Judges the product by LaunchDarkly's SDK: a client of its own, which gets the same file without any code of the product in between."""

import json
from pathlib import Path
from typing import Any

from ldclient import Config, Context
from ldclient.client import LDClient
from ldclient.interfaces import UpdateProcessor
from ldclient.migrations import Operation, Origin
from ldclient.migrations import Stage as LaunchDarklyStage
from ldclient.versioned_data_kind import FEATURES, SEGMENTS
from prometheus_client import CollectorRegistry

from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import read_flag_data
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.serving import LaunchDarklyFlags
from migration.model import RunRequest, Stage
from migration.settings import MigrationSettings
from migration.stages import PLANS, Plan
from migration.telemetry.metrics import Metrics
from tests.property.flags_drawn import SURFACES, Drawer

METRICS = Metrics(registry=CollectorRegistry())
#: Nothing lies there and nothing can be put there, so no example knows what the one before left.
SETTINGS = MigrationSettings(home=Path("/dev/null/nowhere"), surfaces=SURFACES, start_without_flags="wait")


class Fed(UpdateProcessor):
    """Feeds a client, or the product, from the bytes of a flag file."""

    name = "judged"

    def __init__(self, raw: bytes) -> None:
        self.raw, self.feed, self.ready = raw, None, None

    def alone(self, config, _store, ready):
        whole = json.loads(self.raw)
        self.feed, self.ready = lambda: config.data_source_update_sink.init({FEATURES: whole["flags"], SEGMENTS: whole["segments"]}), ready
        return self

    def options(self, _on_loss=None):
        return {"sdk_key": "none", "send_events": False}

    def processor(self, _config, intake, ready):
        self.feed, self.ready = lambda: intake.take(*read_flag_data(self.raw)), ready
        return self

    def start(self) -> None:
        self.feed()
        self.ready.set()

    def stop(self) -> None: ...

    def initialized(self) -> bool:
        return True


def judge(seed: int, *, tenants: int) -> int:
    """Compare all answers on all surfaces for that many tenants; return how many of them named a stage."""
    drawer = Drawer(seed)
    raw, people = drawer.flag_file(), [drawer.tenant() for _ in range(tenants)]
    data, problems = read_flag_data(raw)
    assert problems == (), "the SDK decodes every flag that is drawn, so each must be taken"
    sdk = LDClient(Config("none", update_processor_class=Fed(raw).alone, send_events=False), start_wait=0)
    flags, named = LaunchDarklyFlags(SETTINGS, METRICS, source=Fed(raw)), 0
    with FlagEvaluator.of(data) as evaluator:
        for surface in SURFACES:
            for tenant_id, attributes in people:
                stage, killed, percent = told(sdk, surface, tenant_id, attributes)
                plan = expected(stage, killed=killed)
                found = evaluator.evaluate(surface, Tenant(tenant_id=tenant_id, attributes=attributes))
                assert (found.answer.stage, found.killed, found.percent, found.plan) == (stage, killed, percent, plan)
                for _ in range(2):
                    assert flags.decide(request(surface, tenant_id, attributes)).plan == plan
                named += stage is not None
    flags.close()
    sdk.close()
    return named


def context(surface: str, tenant_id: str, attributes: dict[str, Any]) -> Context:
    """Return what the SDK is asked about."""
    # 1 and 1.0 are one number in JSON; the SDK deals them to different buckets, so that a tenant has whole numbers alone.
    whole = {name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in attributes.items()}
    known = {name: value for name, value in whole.items() if name != "key" and not (name == "name" and value == 3)}
    return Context.from_dict({"kind": "multi", "tenant": {**known, "key": tenant_id}, "surface": {"key": surface}})


def told(sdk: LDClient, surface: str, tenant_id: str, attributes: dict[str, Any]) -> tuple[Stage | None, bool, float]:
    """Return what the SDK says: stage (None: its default), kill switch, percentage."""
    asked = context(surface, tenant_id, attributes)
    stage, tracker = sdk.migration_variation(f"execution-engine-{surface}", asked, LaunchDarklyStage.OFF)
    event = tracker.operation(Operation.READ).invoked(Origin.OLD).build()
    percent = sdk.variation("shadow-sampling", asked, 100.0)
    good = isinstance(percent, int | float) and not isinstance(percent, bool) and 0 <= percent <= 100
    killed = sdk.variation("execution-engine-kill-switch", asked, False) is True
    return (None if event.detail.variation_index is None else Stage(stage.value)), killed, float(percent) if good else 100.0


def expected(stage: Stage | None, *, killed: bool) -> Plan:
    """Return the plan as the design has it."""
    if stage is None or stage is Stage.OFF:
        return PLANS[Stage.OFF]
    return PLANS[Stage.DUALWRITE] if killed and stage is not Stage.COMPLETE else PLANS[stage]


def request(surface: str, tenant_id: str, attributes: dict[str, Any]) -> RunRequest:
    """Return a request with these attributes."""
    return RunRequest(
        surface=surface,
        tenant_id=tenant_id,
        user_id="u",
        thread_id="t",
        run_id="r",
        payload=b"{}",
        received_at=0.0,
        attributes=json.dumps(attributes).encode(),
    )
