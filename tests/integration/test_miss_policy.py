"""Reads that are not on record, under the miss policy: a real worker process, real engines, a real database, a real replay command."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from migration.effects.journals.keys import with_keys
from migration.errors import ConfigurationError
from migration.model import Effect, EffectError, Origin, RunRecord, RunRequest, Stage, Verdict
from migration.recordings import write_line
from migration.settings import MigrationSettings
from migration.shadow import ProcessShadow, ShadowJob, ShadowResult
from migration.shadow.wiring import default_parts
from migration.telemetry.metrics import Metrics
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.sample_data import seed

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
PLAN = {"plan_id": "0123456789abcdef" * 2, "title": "Save", "items": [{"action": "Move to a smaller model"}]}


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backend with data of one tenant, as the environment names it."""
    monkeypatch.setenv("NETRA_HOME", str(tmp_path))
    database = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'netra.db'}")
    await create_schema(database)
    await seed(database, ["acme"], until=date(2025, 3, 14))
    await database.dispose()
    return tmp_path


def settings(home: Path, **changed: Any) -> MigrationSettings:
    return MigrationSettings(home=home, shadow_priority="normal", ledger_dir=ROOT / "ledger", noise_sampling=0, **changed)


def served(tool: str, arguments: Mapping[str, Any], *, run_id: str = "run-7", journal: tuple[Effect, ...] = ()) -> RunRecord:
    """A run of the tools' surface whose journal lacks the call that both engines make."""
    payload = json.dumps({"tool": tool, "arguments": arguments}).encode()
    request = RunRequest(
        surface="tools", tenant_id="acme", user_id="ann", thread_id="thread-7", run_id=run_id, payload=payload, received_at=0.0
    )
    return RunRecord(request=request, origin=Origin.CONTROL, events=(), journal=journal, outcome="completed", duration_s=0.1, trace_id=None)


async def shadowed(home: Path, *records: RunRecord, **changed: Any) -> tuple[list[ShadowResult], Callable[[str], float]]:
    """Have a worker process shadow the runs; return how each ended, and a reader of the effects' metric."""
    registry, results = CollectorRegistry(), []
    shadow = ProcessShadow(settings(home, **changed), Metrics(registry=registry), results.append)
    await shadow.start()
    try:
        for record in records:
            shadow.offer(ShadowJob(record=record, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=20.0))
        assert await shadow.drain(PATIENCE_S)
    finally:
        await shadow.aclose()
    return results, lambda mode: registry.get_sample_value("migration_effects_total", {"surface": "tools", "mode": mode}) or 0.0


async def test_a_blocked_read_is_not_performed(home: Path) -> None:
    [result], counted = await shadowed(home, served("usage_summary", {}))
    assert result.comparison is not None, result
    assert (result.comparison.effects_missing, result.comparison.effects_performed_by_shadow) == (1, 0)
    assert counted("performed_by_shadow") == 0


async def test_an_allowed_read_is_performed_by_a_sealed_worker_and_is_divergent(home: Path) -> None:
    [result], counted = await shadowed(home, served("usage_summary", {}), miss_policy="allow")
    comparison = result.comparison
    assert comparison is not None, result
    assert (comparison.effects_missing, comparison.effects_performed_by_shadow, comparison.verdict) == (1, 1, Verdict.DIVERGENT)
    extra = [found for found in comparison.divergences if found.kind == "effect_extra"]
    assert [found.path for found in extra] == ["tool.usage_summary"]
    assert any("cost_usd" in (found.candidate or "") for found in comparison.divergences)  # what it read got into its events
    assert (counted("performed_by_shadow"), counted("unpermitted")) == (1, 0)


async def test_a_tool_with_a_side_effect_is_blocked_all_the_same(home: Path) -> None:
    before = (home / "netra.db").read_bytes()
    [result], counted = await shadowed(home, served("save_action_plan", PLAN), miss_policy="allow")
    assert result.comparison is not None, result
    assert (result.comparison.effects_missing, counted("performed_by_shadow")) == (1, 0)
    assert (home / "netra.db").read_bytes() == before


async def test_each_run_has_a_budget_of_its_own(home: Path) -> None:
    runs = [served("usage_summary", {}, run_id=f"run-{number}") for number in range(3)]
    _, counted = await shadowed(home, *runs, miss_policy="allow", miss_budget=1)
    assert counted("performed_by_shadow") == 3
    _, counted = await shadowed(home, *runs, miss_policy="allow", miss_budget=0)
    assert (counted("performed_by_shadow"), counted("missing")) == (0, 3)


async def test_a_database_that_is_gone_is_a_failed_read_of_the_run(home: Path) -> None:
    (home / "netra.db").unlink()
    [result], counted = await shadowed(home, served("usage_summary", {}), miss_policy="allow")
    assert result.comparison is not None, result
    assert result.comparison.verdict is Verdict.DIVERGENT
    assert counted("performed_by_shadow") == 1
    assert not (home / "netra.db").exists()


# goes with: tools
@pytest.mark.parametrize(
    ("policy", "performed"), [("block", 0), ("allow", 1)]
)  # by control: what it does not reproduce is not put to the candidate
async def test_the_replay_command_tells_what_was_performed(home: Path, policy: str, performed: int) -> None:
    answered = Effect(
        kind="tool",
        name="price_lookup",
        lane="tools",
        key="",
        request=b'{"name":"price_lookup","arguments":{}}',
        reply=None,
        error=EffectError(type="ToolFailedError", message="down"),
        started_s=0.0,
        duration_s=0.0,
    )
    file = home / "runs.jsonl"
    file.write_bytes(write_line(served("usage_summary", {}, journal=with_keys([answered]))))
    environment = {"NETRA_MIGRATION_HOME": str(home), "NETRA_HOME": str(home), "NETRA_MIGRATION_MISS_POLICY": policy}
    done = await asyncio.to_thread(
        subprocess.run,
        [Path(sys.executable).with_name("netra-migration"), "replay", file, "--json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=ROOT,
        env=environment,
    )
    report = json.loads(done.stdout)
    assert report["effects"] == {"recorded": 1, "replayed": 0, "performed_by_shadow": performed}, done.stderr
    assert (report["verdicts"]["match"], report["verdicts"]["inconclusive"], done.returncode) == (0, 1, 1)


# stays
def test_engines_that_cannot_read_are_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_DATABASE_URL", "no address")
    with pytest.raises(ConfigurationError, match="NETRA_DATABASE_URL"):
        default_parts(settings(tmp_path, miss_policy="allow"))
