"""Factories of compared runs, and a store with a clock that stands still."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration.evidence import EvidenceStore, Redactor
from migration.model import Comparison, Divergence, Effect, Event, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.sentence import say
from migration.shadow.job import ShadowJob

KEY = b"k" * 32
TRACE = "0af7651916cd43dd8448eb211c80319c"

Item = tuple[ShadowJob, RunRecord, Comparison]


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Make:
    """Values with everything filled in; name only what a test is about."""

    defaults: dict[str, Any] = field(default_factory=dict)

    def request(self, **changes: Any) -> RunRequest:
        plain = {"surface": "chat", "tenant_id": "acme", "user_id": "ada@acme.example", "thread_id": "t-1", "run_id": "r-1"}
        return RunRequest(**(plain | {"payload": b'{"message":"hello"}', "received_at": 900.0} | changes))

    def event(self, kind: str = "agent_completed", **payload: Any) -> Event:
        return Event(kind=kind, lane="data", payload=msgspec.json.encode({"type": kind, "payload": payload}), at_s=0.1)

    def run(self, origin: Origin = Origin.CONTROL, **changes: Any) -> RunRecord:
        request = self.request(**{name: changes.pop(name) for name in ("surface", "tenant_id", "user_id", "run_id") if name in changes})
        plain: dict[str, Any] = {"events": (), "journal": (), "outcome": "completed", "duration_s": 1.0, "trace_id": TRACE}
        return RunRecord(**(plain | {"request": request, "origin": origin} | changes))

    def divergence(self, **changes: Any) -> Divergence:
        plain: dict[str, Any] = {
            "kind": "payload",
            "severity": "contract",
            "fingerprint": "aaaaaaaaaaaa",
            "lane": "data",
            "path": "agent_completed.payload.success",
            "control": "true",
            "candidate": "false",
            "sentence": say("agent_completed of data: payload.success has another value"),
        }
        return Divergence(**(plain | changes))

    def comparison(self, request: RunRequest | None = None, **changes: Any) -> Comparison:
        asked = request or self.request()
        found: tuple[Divergence, ...] = changes.get("divergences", ())
        timing = Timing(duration_s=1.0, effect_s=0.4, first_event_s=0.1)
        plain: dict[str, Any] = {
            "verdict": max((one.verdict for one in found), key=list(Verdict).index, default=Verdict.MATCH),
            "divergences": (),
            "stage": Stage.SHADOW,
            "serving": Origin.CONTROL,
            "control": timing,
            "candidate": timing,
            "trace_id": TRACE,
            "effects_recorded": 3,
            "effects_replayed": 2,
            "effects_missing": 1,
        }
        ids = {name: getattr(asked, name) for name in ("surface", "tenant_id", "user_id", "thread_id", "run_id")}
        return Comparison(**(plain | ids | changes))

    def item(self, *divergences: Divergence, run_id: str = "r-1", surface: str = "chat", tenant_id: str = "acme", **changes: Any) -> Item:
        """A served run, its shadow and their comparison."""
        served = changes.pop("served", None) or self.run(run_id=run_id, surface=surface, tenant_id=tenant_id)
        shadow = changes.pop("shadow", None) or self.run(
            served.origin.other, run_id=run_id, surface=surface, tenant_id=tenant_id, trace_id=None
        )
        job = ShadowJob(record=served, stage=Stage.SHADOW, shadows=served.origin.other, deadline_s=5, span_id="b7ad6b7169203331")
        return job, shadow, self.comparison(served.request, divergences=divergences, serving=served.origin, **changes)

    def effect(self, **changes: Any) -> Effect:
        plain: dict[str, Any] = {
            "kind": "model",
            "name": "scripted",
            "lane": "data",
            "key": "k",
            "request": b"{}",
            "reply": b"{}",
            "error": None,
        }
        return Effect(**(plain | {"started_s": 0.0, "duration_s": 0.1} | changes))


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "home" / "evidence.db"


@pytest.fixture
def open_store(database: Path, clock: Clock) -> Iterator[Callable[..., EvidenceStore]]:
    """Opens stores over one file, and closes them."""
    stores: list[EvidenceStore] = []

    def open_one(**changes: Any) -> EvidenceStore:
        stores.append(EvidenceStore(f"sqlite:///{database}", Redactor(KEY, plaintext_tenants={"open-book"}), clock, **changes))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., EvidenceStore]) -> EvidenceStore:
    return open_store()
