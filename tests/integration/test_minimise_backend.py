"""Real chats, served and shadowed by the real engines: a divergence kept as evidence becomes a small test that fails today."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing, closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from migration.cli.app import app
from migration.comparison import Comparer
from migration.evidence import EvidenceStore
from migration.facade import ExecutionFacade
from migration.flags.decision import Decision
from migration.model import Comparison, Origin, RunRequest, Stage
from migration.recordings import write_line
from migration.settings import MigrationSettings
from migration.shadow import InlineShadow, ShadowResult
from migration.shadow.parts import Parts
from migration.stages import PLANS
from migration.telemetry.metrics import Metrics
from netra_backend.app.candidate import Candidate
from netra_backend.app.config import Settings
from netra_backend.app.execution import CONTROLS, BackendEngine, fresh_engine, recorded
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.outside import Outside
from netra_backend.app.services.sample_data import seed
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.serving import SURFACES

PATIENCE_S = 20.0
HISTORY = [{"role": ("user", "assistant")[turn % 2], "content": f"turn {turn}: what did gpt-4o cost us?"} for turn in range(20)]
PAYLOAD = {"message": "How can we lower the cost of gpt-4o? Save a plan.", "agent": "supervisor", "history": HISTORY}


class Flags:
    """One plan for everybody."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def decide(self, _request: RunRequest, /) -> Decision:
        return Decision(plan=PLANS[self._stage], reason="flag", flag_key="execution-engine", sampled=True)

    def finished(self, *_: Any) -> None: ...

    def compared(self, *_: Any) -> None: ...


async def serve(home: Path, payload: Mapping[str, Any], stage: Stage) -> Comparison:
    """Serve one chat, shadow it, and keep what is found."""
    settings = Settings(home=home, jwt_secret="a-secret-of-the-tests-0123456789ab")
    database = open_engine(settings.database_url)
    await create_schema(database)
    await seed(database, ["acme"], until=date(2025, 3, 14))
    await database.dispose()
    outside = Outside(settings)
    world = recorded(outside.world)
    metrics, results = Metrics(registry=CollectorRegistry()), list[ShadowResult]()
    control, candidate = CONTROLS["chat"](world, default_registry().specs()), Candidate(world, default_registry().specs())
    engines = {Origin.CONTROL: BackendEngine(control.stream), Origin.CANDIDATE: BackendEngine(SURFACES["chat"](candidate))}
    evidence = EvidenceStore.for_writing(MigrationSettings(), record=write_line)
    comparer = Comparer()
    parts = Parts(build=fresh_engine, compare=lambda job, run: comparer.compare(job.record, run, stage=job.stage), sink=evidence)
    shadow = InlineShadow(parts, metrics, results.append)
    facade = ExecutionFacade(surface="chat", engines=engines, flags=Flags(stage), shadow=shadow, metrics=metrics)
    request = RunRequest(
        surface="chat",
        tenant_id="acme",
        user_id="ada-lovelace",
        thread_id="th-1",
        run_id=f"run-{stage.value}",
        payload=json.dumps(payload).encode(),
        received_at=1.0,
    )
    async with aclosing(facade.run(request)) as events:
        async for _ in events:
            pass
    assert await shadow.drain(PATIENCE_S)
    await shadow.aclose()
    await control.aclose()
    await candidate.aclose()
    await outside.aclose()
    evidence.close()
    (result,) = results
    assert result.comparison is not None, result
    return result.comparison


@pytest.fixture
def minimise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Runs the command and returns the test that it prints."""
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_PLAINTEXT_TENANTS", '["acme"]')

    def run(fingerprint: str) -> str:
        result = CliRunner().invoke(app, ["divergences", "minimise", fingerprint])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return run


@pytest.mark.parametrize(("stage", "kind"), [(Stage.SHADOW, "missing_event"), (Stage.LIVE, "extra_event")])
def test_a_divergence_of_a_long_chat_becomes_a_small_test_that_fails(
    minimise: Callable[[str], str], tmp_path: Path, stage: Stage, kind: str
) -> None:
    comparison = asyncio.run(serve(tmp_path, PAYLOAD, stage))
    fingerprint = next(divergence.fingerprint for divergence in comparison.divergences if divergence.kind == kind)
    with closing(EvidenceStore.for_writing(MigrationSettings())) as evidence:
        (kept,) = evidence.recordings(fingerprint)
    source, space = minimise(fingerprint), dict[str, Any]()
    exec(compile(source, "test_written.py", "exec"), space)  # noqa: S102 - the file that was just written
    (test,) = (value for name, value in space.items() if name.startswith("test_"))
    with pytest.raises(AssertionError, match=rf"candidate still differs from control \({fingerprint}\)"):
        test()
    assert json.loads(space["RECORDING"])["request"]["payload"].get("history", []) == []
    assert len(space["RECORDING"]) < len(kept.line) / 10
    assert "ada-lovelace" not in source
