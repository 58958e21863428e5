"""A small code base with one surface whose control nobody uses, a production that is done with it, and keys to sign with."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import CollectorRegistry

from migration.consolidation.configuration import load_configuration
from migration.consolidation.removal.digest import digests
from migration.consolidation.removal.manifest import RemovalManifest, load_manifest
from migration.consolidation.removal.readiness.criteria import CRITERIA, Criterion, SurfaceReadiness
from migration.evidence import EvidenceStore
from migration.model import Comparison, Divergence, Event, Origin, RunRecord, RunRequest, Stage, Timing, Verdict
from migration.processes import ProcessRow, ProcessTable
from migration.processes.identity import own_birth, this_host
from migration.sentence import say
from migration.settings import MigrationSettings
from migration.shadow.job import ShadowJob
from migration.stages import PLANS
from migration.stores import Coverage, RunStores, StoredRun, StoresDatabase, Tombstones, key_of
from migration.telemetry.metrics import Metrics
from tests.unit.migration.flags.making import at, flag_file

DAY = 86_400.0
COMPLETE = at("complete")
_EVENTS = tuple(Event(kind=kind, lane="data", payload=b"{}", at_s=0.0) for kind in ("agent_started", "agent_completed"))


class LegacyStore(ModuleType):
    """What the setting's import string names: a backend whose two stores are one list in memory."""

    def __init__(self):
        super().__init__("legacy_store_of_the_test")
        self.runs: list[StoredRun] = []
        self.error: Exception | None = None

        @asynccontextmanager
        async def opened() -> AsyncIterator[RunStores]:
            if self.error is not None:
                raise self.error
            yield RunStores(stores={}, scans={"legacy": self, "user": self})

        self.opened = opened

    async def page(self, surface, after, limit, /):
        keyed = sorted((key_of(run), run) for run in self.runs if run.surface == surface)
        return [run for key, run in keyed if after is None or key > after][:limit]

    async def count(self, surface, /):
        return len(self.runs)

    async def between(self, surface, first, last, /):
        return [run for run in self.runs if first <= key_of(run) <= last]

    def add(self, run_id, at):
        run = StoredRun(surface="chat", tenant_id="acme", user_id="ada", thread_id="t", run_id=run_id, started_at=at, body=b"{}")
        self.runs.append(run)


class Production:
    """One folder; `now` is the last of its days."""

    def __init__(self, home, legacy, now):
        self.home, self.legacy, self.now = home, legacy, now
        self.settings = MigrationSettings(home=home, surfaces=("chat",), stores=f"{legacy.__name__}:opened")

    def finish(self):
        """Do all that it takes."""
        self.move(COMPLETE)
        for ago in range(15, -1, -1):
            self.ran(Stage.COMPLETE, ago)
        self.compared(1500)
        self.reports(surfaces=["tools"])
        with closing(StoresDatabase(self.settings.outbox())) as database:
            asyncio.run(Coverage(database).verified("chat", "user"))

    def move(self, flag):
        (self.home / "flags.json").write_bytes(flag_file(flag))

    def ran(self, stage, ago, runs=1):
        """Count runs on a day so many days ago, and that somebody watched on it."""

        async def count():
            with closing(StoresDatabase(self.settings.outbox())) as database:
                metrics = Metrics(registry=CollectorRegistry())
                one = Tombstones(database, surfaces=["chat"], metrics=metrics, clock=lambda: self.now - ago * DAY)
                for _ in range(runs):
                    one.count("chat", PLANS[stage])
                assert await one.flush()

        asyncio.run(count())

    def proved(self, runs):
        with closing(StoresDatabase(self.settings.outbox())) as database:
            asyncio.run(Coverage(database).verified("chat", "user", runs=runs))

    def gap(self):
        with closing(StoresDatabase(self.settings.outbox())) as database:
            asyncio.run(Coverage(database).mark("chat", "acme", "user"))

    def reports(self, **known):
        """Let a process report that runs now."""
        with closing(ProcessTable(self.settings.evidence())) as table:
            table.beat([make_row(**known)])

    def compared(self, runs, divergent=0):
        with closing(EvidenceStore.for_writing(self.settings)) as store:
            store.store_many(_item(f"run-{divergent}-{number}", number < divergent) for number in range(runs))


def make_row(**known):
    """The report of a process that runs: this one."""
    plain = {"process_id": "a" * 32, "role": "server", "host": this_host(), "pid": os.getpid(), "birth": own_birth(), "started_at": 0.0}
    return ProcessRow(**(plain | {"code_version": "1+abc", "said_at": 0.0} | known))


def _item(run_id, divergent):
    request = RunRequest(surface="chat", tenant_id="acme", user_id="u", thread_id="t", run_id=run_id, payload=b"{}", received_at=1.0)
    served, shadow = (
        RunRecord(request=request, origin=origin, events=_EVENTS, journal=(), outcome="completed", duration_s=1.0, trace_id=None)
        for origin in Origin
    )
    found = Divergence(
        kind="payload",
        severity="contract",
        fingerprint="a" * 12,
        lane="data",
        path="agent_completed.payload.success",
        control="1",
        candidate="2",
        sentence=say("It differs."),
    )
    timing = Timing(duration_s=1.0, effect_s=0.0, first_event_s=None)
    comparison = Comparison(
        surface="chat",
        tenant_id="acme",
        user_id="u",
        thread_id="t",
        run_id=run_id,
        stage=Stage.SHADOW,
        serving=Origin.CONTROL,
        verdict=Verdict.DIVERGENT if divergent else Verdict.MATCH,
        divergences=(found,) if divergent else (),
        control=timing,
        candidate=timing,
    )
    return ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1), shadow, comparison


PYPROJECT = """
[tool.netra-migration.audit]
target = "pkg.user_engine:UserExecutionEngine"
factory = "pkg.factory:ExecutionEngineFactory"

[tool.netra-migration.removal]
days = 14
max-divergence = 0.02

[tool.netra-migration.removal.surfaces.chat]
engines = ["pkg/engine.py"]
adapter = "pkg/controls/chat.py"
ledger = "ledger/chat.toml"

[tool.netra-migration.removal.surfaces.tools]
engines = ["pkg/tool_engine.py"]
adapter = "pkg/controls/tools.py"
ledger = "ledger/tools.toml"
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "pkg/__init__.py": "",
    "pkg/user_engine.py": "class UserExecutionEngine:\n    async def execute_agent(self, context): ...\n",
    "pkg/factory.py": "class ExecutionEngineFactory: ...\n",
    "pkg/engine.py": "class ExecutionEngine:\n    async def execute_agent(self, context, user=None): ...\n",
    "pkg/tool_engine.py": "class ToolExecutionEngine:\n    async def execute_tool(self, name): ...\n",
    "pkg/controls/__init__.py": "",
    "pkg/controls/chat.py": "from pkg.engine import ExecutionEngine\n\nENGINE = ExecutionEngine()\n",
    "pkg/controls/tools.py": "from pkg.tool_engine import ToolExecutionEngine\n\nENGINE = ToolExecutionEngine()\n",
    "tests/test_engine.py": "from pkg.engine import ExecutionEngine\n",
    "ledger/chat.toml": "",
}


@dataclass(frozen=True)
class Tree:
    """A code base in a folder."""

    root: Path

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        self.write(path, (self.root / path).read_text(encoding="utf-8") + text)

    @property
    def manifest(self) -> RemovalManifest:
        return load_manifest(self.root)

    @property
    def configuration(self):
        return load_configuration(self.root)

    def digest(self, surface: str = "chat") -> str:
        return digests(self.root, self.manifest, [surface])[surface]


@pytest.fixture
def tree(tmp_path) -> Tree:
    made = Tree(tmp_path / "project")
    for path, text in FILES.items():
        made.write(path, text)
    return made


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def ready() -> Callable[..., SurfaceReadiness]:
    """Makes a surface of which every criterion is met, but for those that are named."""

    def make(surface: str = "chat", unmet: tuple[str, ...] = ()) -> SurfaceReadiness:
        return SurfaceReadiness.of(surface, [Criterion(name=name, met=name not in unmet, detail="Seen.", evidence={}) for name in CRITERIA])

    return make


#: 20 minutes past noon, UTC, on 2024-10-18.
NOW = 20_014 * DAY + 12 * 3600 + 1200


@pytest.fixture
def legacy(monkeypatch) -> LegacyStore:
    store = LegacyStore()
    monkeypatch.setitem(sys.modules, store.__name__, store)
    return store


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder in which everything is done, made once."""
    home = tmp_path_factory.mktemp("finished")
    Production(home, ModuleType("nowhere"), NOW).finish()
    return home


@pytest.fixture
def production(tmp_path, finished, legacy, now) -> Production:
    """One in which every criterion is met."""
    shutil.copytree(finished, tmp_path / "home")
    return Production(tmp_path / "home", legacy, now)
