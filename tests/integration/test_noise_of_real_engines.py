"""Both real engines beside themselves in a worker, on real evidence: silent when they are, noise when one of them is not sure of itself."""

import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from migration.effects.journals.keys import with_keys
from migration.evidence import EvidenceStore
from migration.model import Effect, Engine, Event, Origin, RunRecord, RunRequest, Stage, Verdict, encode
from migration.settings import MigrationSettings
from migration.shadow.engine_runner import EngineRunner, Engines
from migration.shadow.job import ShadowJob, ShadowResult
from migration.shadow.runner import RunLimits, replay_run
from migration.shadow.virtual_time import VirtualTimeLoop
from migration.shadow.wiring import default_parts, replay_parts
from migration.shadow.worker import Worker
from netra_backend.app.execution import fresh_engine

LEDGERS = Path(__file__).parents[2] / "ledger"
REQUEST = RunRequest(
    surface="chat",
    tenant_id="acme",
    user_id="ann",
    thread_id="thread-7",
    run_id="run-1",
    payload=msgspec.json.encode({"message": "What did we use?", "agent": "assistant", "history": []}),
    received_at=0.0,
)
REPLY = b'{"message":{"role":"assistant","content":"Less than before."},"usage":null}'
ANSWERED = Effect(
    kind="model", name="recorded", lane="assistant", key="", request=None, reply=REPLY, error=None, started_s=0.0, duration_s=0.0
)

Handle = Callable[[str], ShadowResult]


class Wavering:
    """An engine that says something more in half of its runs: of each job's two, in the second and in the first by turns."""

    turns = itertools.cycle([False, True, True, False])

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        wavers = next(self.turns)
        async for event in self._engine.run(request):
            if wavers and event.kind == "agent_completed":
                frame = msgspec.json.decode(event.payload)
                frame["payload"]["mood"] = "unsure"
                yield msgspec.structs.replace(event, payload=msgspec.json.encode(frame))
            else:
                yield event


def wavering(surface: str, origin: Origin) -> Engine:
    engine = fresh_engine(surface, origin)
    return Wavering(engine) if origin is Origin.CANDIDATE else engine


@pytest.fixture
def settings(tmp_path: Path) -> MigrationSettings:
    return MigrationSettings(home=tmp_path, ledger_dir=LEDGERS, noise_sampling=100.0, surfaces=("chat",), hash_key="k" * 32)


@pytest.fixture
def served() -> RunRecord:
    with contextlib.closing(VirtualTimeLoop()) as loop:
        journal = with_keys([ANSWERED])
        run = loop.drive(
            replay_run(REQUEST, journal, Origin.CONTROL, fresh_engine, deadline_s=5.0, clock=loop.time, limits=RunLimits())
        ).record
    assert run is not None
    return run


@pytest.fixture
def handle(settings: MigrationSettings, served: RunRecord) -> Iterator[Callable[..., Handle]]:
    with contextlib.ExitStack() as opened:

        def with_engines(build: Callable[[str, Origin], Engine] = fresh_engine) -> Handle:
            parts = default_parts(settings)
            runner = EngineRunner(Engines(build=build), seal=lambda: contextlib.nullcontext([]))
            opened.enter_context(contextlib.closing(runner))
            worker = Worker(parts, runner, bound=lambda _seconds: None)

            def one(run_id: str) -> ShadowResult:
                record = msgspec.structs.replace(served, request=msgspec.structs.replace(REQUEST, run_id=run_id))
                frames = [
                    msgspec.structs.replace(event, payload=event.payload.replace(b'"run-1"', f'"{run_id}"'.encode()))
                    for event in served.events
                ]
                record = msgspec.structs.replace(record, events=tuple(frames))
                return worker.handle(encode(ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=5.0)))

            return one

        yield with_engines


@pytest.fixture
def evidence(settings: MigrationSettings) -> Iterator[EvidenceStore]:
    store = EvidenceStore.for_writing(settings)
    yield store
    store.close()


def test_both_engines_agree_with_themselves(handle: Callable[..., Handle], evidence: EvidenceStore) -> None:
    one = handle()
    results = [one(f"run-{number}") for number in range(5)]
    assert [(result.noise, result.comparison.verdict, result.comparison.effects_performed_by_shadow) for result in results] == [
        ("clean", Verdict.ACCEPTED, 0)
    ] * 5
    assert (evidence.noise("chat").rounds, evidence.noise("chat").hits) == (5, [])


def test_what_an_engine_does_to_itself_becomes_noise_and_never_a_match(handle: Callable[..., Handle], evidence: EvidenceStore) -> None:
    one = handle(wavering)
    first = [one(f"run-{number}") for number in range(30)]
    view = evidence.noise("chat")
    assert ({result.noise for result in first}, view.rounds) == ({"noisy"}, 30)
    assert all(hit.control == 0 < hit.candidate for hit in view.hits)
    assert [result.comparison.verdict for result in first] == [Verdict.ACCEPTED, Verdict.DIVERGENT] * 15

    # Running as many more as are needed takes minutes; what they would store takes a moment.
    hits = {hit.fingerprint for hit in view.hits if hit.compared}
    for number in range(400):
        evidence.store_round("chat", uuid4().hex, control=(), candidate=hits if number % 2 else ())
    later = handle(wavering)
    [unsure] = [d for d in [later("more-1"), later("more-2")][1].comparison.divergences if d.accepted_by is None]
    assert (unsure.path, unsure.verdict) == ("agent_completed.payload.mood", Verdict.NOISE)


def test_a_candidate_that_is_always_wrong_is_no_noise(handle: Callable[..., Handle], evidence: EvidenceStore) -> None:
    class Wrong(Wavering):
        turns = itertools.repeat(True)

    one = handle(
        lambda surface, origin: Wrong(fresh_engine(surface, origin)) if origin is Origin.CANDIDATE else fresh_engine(surface, origin)
    )
    results = [one(f"run-{number}") for number in range(25)]
    assert {result.noise for result in results} == {"clean"}
    assert {result.comparison.verdict for result in results} == {Verdict.DIVERGENT}
    assert evidence.noise("chat").hits == []


def test_a_replay_of_recordings_asks_for_no_noise_and_makes_no_evidence(settings: MigrationSettings, served: RunRecord) -> None:
    parts = replay_parts(settings, store=False)
    job = ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=5.0)
    parts.compare(job, msgspec.structs.replace(served, origin=Origin.CANDIDATE))
    assert (parts.sink, parts.rounds) == (None, None)
    assert not (settings.home / "evidence.db").exists()
