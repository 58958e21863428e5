"""The engines of docs/migration/other-tools.md by three tools: what callers wait, what reaches the outside, what is found.

Everything goes through what adopters import: `compose`, its facade, its worker. `python -m tests.benchmarks.other_tools` prints the page's
table in Markdown, and what it says is written there; a test holds what does not depend on the machine.
"""

import asyncio
import importlib
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from prometheus_client import CollectorRegistry

from migration import compose
from tests.benchmarks.callers import Block, Ratio, Side, in_turn, quantile, ratio
from tests.benchmarks.measuring import Measured, beside
from tests.unit.migration.flags.making import at, flag_file, surface_flag

PAGE: Final = Path(__file__).parents[2] / "docs" / "migration" / "other-tools.md"
BARE, AGAIN, OURS, MIGRATOR, LABORATORY = "the old engine alone", "the same again", "this migration", "AsyncMigrator", "laboratory"
TOOLS: Final = (OURS, MIGRATOR, LABORATORY)
PARTS: Final = {
    OURS: ("pair/build.py", "pair/by_migration.py", "pyproject.toml", "pair.toml"),
    MIGRATOR: ("pair/by_launchdarkly.py",),
    LABORATORY: ("pair/by_laboratory.py",),
}
BODY: Final = {"text": "Why", "to": "ann"}
LOADS: Final = {"one caller": (1, 8), "50 callers at once": (50, 4)}
ROUNDS: Final = 20
RUNS: Final = 10
PATIENCE_S: Final = 60.0
FAULTS: Final = (
    "says another word",
    "loses a word",
    "ends twice",
    "sends a number for true",
    "fails",
    "asks otherwise",
    "asks twice",
    "mails somebody else",
    "mails nobody",
    "mails twice",
)


def files() -> dict[str, str]:
    """Return the page's files."""
    blocks = re.findall(r"```(?:python|toml)\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(blocks)


def lines(tool: str) -> int:
    """Return how many lines a tool takes beside the engines."""
    return sum(1 for name in PARTS[tool] for line in files()[name].splitlines() if line.strip())


class Beside:
    """The pair behind each of the tools. `running` makes it."""

    def __init__(self, migration: Any, metrics: CollectorRegistry, client: Any, events: list[Any], threads: ThreadPoolExecutor) -> None:
        self._migration, self._metrics, self._threads, self._events = migration, metrics, threads, events
        pair = {
            name: importlib.import_module(f"pair.{name}")
            for name in ("outside", "engines", "by_migration", "by_launchdarkly", "by_laboratory")
        }
        self.outside, self._engines = pair["outside"], pair["engines"]
        self._by_migration, self._by_launchdarkly, self._by_laboratory = (
            pair[name] for name in ("by_migration", "by_launchdarkly", "by_laboratory")
        )
        self._migrator = self._by_launchdarkly.migrator(client)

    async def answer(self, side: str, body: dict[str, Any], caller: int = 0) -> AsyncIterator[Any]:
        """Give an answer by one of the tools, or by the old engine alone."""
        tenant = f"tenant-{caller}"
        match side:
            case "this migration":
                async for event in self._by_migration.answer(self._migration, body, tenant):
                    yield event
            case "AsyncMigrator":
                for event in await self._by_launchdarkly.answer(self._migrator, body, tenant):
                    yield event
            case "laboratory":
                for event in await asyncio.get_running_loop().run_in_executor(self._threads, self._by_laboratory.answer, body):
                    yield event
            case _:
                async for event in self._engines.old(body, self.outside):
                    yield event

    def sides(self, body: dict[str, Any]) -> list[Side]:
        """Return all of them, for measuring."""

        def asking(name: str) -> Callable[[int], AsyncIterator[Any]]:
            return lambda caller: self.answer(name, body, caller)

        return [Side(name, asking(name), self.settled if name == OURS else Side.settle) for name in (BARE, AGAIN, *TOOLS)]

    async def settled(self) -> None:
        """Wait until every shadow is done.

        Raises:
            TimeoutError: some were not within a minute.
        """
        if not await self._migration.drained(PATIENCE_S):
            raise TimeoutError("shadows were not done within a minute")

    async def differs(self, tool: str, body: dict[str, Any]) -> bool:
        """Return whether a tool says that the engines answer differently."""
        before = self.counted("migration_comparisons_total", "verdict")
        self._events.clear()
        self._by_laboratory.matches.clear()
        _ = [event async for event in self.answer(tool, body)]
        if tool == LABORATORY:
            return self._by_laboratory.matches != [True]
        if tool == MIGRATOR:
            (told,) = (event for event in self._events if type(event).__name__ == "MigrationOpEvent")
            return told.consistent is not True
        await self.settled()
        after = self.counted("migration_comparisons_total", "verdict")
        verdicts = {verdict for verdict, runs in after.items() if runs > before.get(verdict, 0)}
        if len(verdicts) != 1:
            raise RuntimeError(f"one comparison was to come, not {verdicts or 'none'}")
        return verdicts != {"match"}

    def counted(self, name: str, label: str) -> dict[str, float]:
        """Return the samples of one of the migration's counters, by the value of a label."""
        families = (family for family in self._metrics.collect() if name.startswith(family.name))
        return {one.labels[label]: one.value for family in families for one in family.samples if one.name == name}


class _Kept:
    """Takes LaunchDarkly's events in place of its event processor."""

    def __init__(self, events: list[Any]) -> None:
        self._events = events

    def send_event(self, event: Any) -> None:
        """Keep one."""
        self._events.append(event)

    def flush(self) -> None:
        """Send nothing."""

    async def stop(self) -> None:
        """Be done."""


@asynccontextmanager
async def running() -> AsyncIterator[Beside]:
    """Write the page's files, and have the pair run by each tool, at the stage `shadow`."""
    from ldclient.async_client import AsyncLDClient
    from ldclient.async_config import AsyncConfig
    from ldclient.async_feature_store import AsyncInMemoryFeatureStore
    from ldclient.versioned_data_kind import FEATURES

    events: list[Any] = []
    metrics = CollectorRegistry()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, text in files().items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "pair" / "__init__.py").touch()
        (folder / "flags.json").write_bytes(flag_file(at("shadow", "pair")))
        os.environ |= {
            "NETRA_MIGRATION_PROJECT": str(folder),
            "NETRA_MIGRATION_HOME": str(folder),
            "NETRA_MIGRATION_NOISE_SAMPLING": "0",
            "NETRA_MIGRATION_SHADOW_GOVERNOR": "off",  # every run is shadowed, however busy the machine is
        }
        sys.path.insert(0, str(folder))
        stack.callback(sys.path.remove, str(folder))
        store = AsyncInMemoryFeatureStore()
        await store.init({FEATURES: {"execution-engine-pair": surface_flag("pair", fallthrough={"variation": 2})}})
        config = AsyncConfig(
            "none", use_ldd=True, feature_store=store, event_processor_class=lambda _config: _Kept(events), diagnostic_opt_out=True
        )
        client = await stack.enter_async_context(AsyncLDClient(config))
        threads = stack.enter_context(ThreadPoolExecutor(max(callers for callers, _ in LOADS.values())))
        migration = await stack.enter_async_context(compose(registry=metrics))
        yield Beside(migration, metrics, client, events, threads)


async def judged(pair: Beside) -> dict[str, dict[str, str]]:
    """Return what does not depend on the machine, as rows of the page's table: name -> tool -> cell."""
    reached, false, found = {}, {}, {}
    for tool in TOOLS:
        pair.outside.asked.clear()
        false[tool] = f"{sum([await pair.differs(tool, BODY | {'text': 'Why anew'}) for _ in range(RUNS)])} of {RUNS}"
        reached[tool] = f"{pair.outside.asked['model']} / {pair.outside.asked['mail']}"
        missed = [fault for fault in FAULTS if not await pair.differs(tool, BODY | {"fault": fault})]
        found[tool] = f"{len(FAULTS) - len(missed)} of {len(FAULTS)}"
    return {
        "lines of code and configuration": {tool: str(lines(tool)) for tool in TOOLS},
        f"real calls in {RUNS} runs: model / mail": reached,
        "equal answers reported as different, with a model that uses other words each time": false,
        "planted faults found": found,
    }


async def _measured() -> tuple[dict[str, dict[str, str]], dict[str, Measured]]:
    async with running() as pair:
        cells, rows = {}, {}
        for load, (callers, times) in LOADS.items():
            blocks = await in_turn(pair.sides(BODY), callers=callers, times=times, rounds=ROUNDS)
            cells |= _cells(load, blocks)
            rows |= _rows(load, blocks)
        offered = pair.counted("migration_shadow_expected_total", "surface")["pair"]
        shed = pair.counted("migration_shadow_shed_total", "reason")
        rows["shadows that were compared, of all that were asked for"] = beside(
            sum(pair.counted("migration_comparisons_total", "verdict").values()),
            "runs",
            "asked for",
            offered,
            1 - sum(shed.values()) / offered,
        )
        slow = await in_turn(pair.sides(BODY | {"fault": "takes a second"}), callers=1, times=1, rounds=1)
        cells["if the new engine is one second slower: the caller waits, ms"] = {
            name: f"{block[0].whole[0]:.0f}" for name, block in slow.items()
        }
        return cells | await judged(pair), rows


def _cells(load: str, blocks: dict[str, list[Block]]) -> dict[str, dict[str, str]]:
    def each(show: Callable[[list[Block]], str]) -> dict[str, str]:
        return {name: show(found) for name, found in blocks.items()}

    bare = blocks[BARE]
    return {
        f"{load}: first word, ms (p50)": each(lambda found: f"{_pooled(found, 'first', 0.5):.1f}"),
        f"{load}: whole answer, ms (p50 / p99)": each(
            lambda found: f"{_pooled(found, 'whole', 0.5):.1f} / {_pooled(found, 'whole', 0.99):.1f}"
        ),
        f"{load}: times the old engine alone": each(lambda found: "1" if found is bare else str(_times(found, bare))),
        f"{load}: answers a second": each(lambda found: f"{sum(one.per_second for one in found) / len(found):.0f}"),
        f"{load}: processor time of the serving process, ms an answer": each(lambda found: f"{median(one.cpu_ms for one in found):.2f}"),
    }


def _rows(load: str, blocks: dict[str, list[Block]]) -> dict[str, Measured]:
    rows: dict[str, Measured] = {}
    for name, found in blocks.items():
        if name == BARE:
            continue
        for what, share in (("p50", 0.5), ("p99", 0.99)):
            ours, bare = ([quantile(one.whole, share) for one in side] for side in (found, blocks[BARE]))
            rows[f"{load}, {name}: {what}"] = _row(
                _pooled(found, "whole", share), "ms", _pooled(blocks[BARE], "whole", share), ratio(bare, ours)
            )
        ours, bare = ([one.per_second for one in side] for side in (found, blocks[BARE]))
        rows[f"{load}, {name}: answers"] = _row(sum(ours) / len(ours), "1/s", sum(bare) / len(bare), ratio(ours, bare))
    return rows


def _row(value: float, unit: str, peer_value: float, better: Ratio) -> Measured:
    row = beside(value, unit, BARE, peer_value, better.middle)
    return row | {"ratio": round(better.middle, 3), "interval": (round(better.low, 3), round(better.high, 3))}  # type: ignore[return-value]  # a row


def _pooled(found: list[Block], what: str, share: float) -> float:
    return quantile([value for one in found for value in getattr(one, what)], share)


def _times(found: list[Block], bare: list[Block]) -> Ratio:
    ours, theirs = ([quantile(one.whole, 0.5) for one in side] for side in (found, bare))
    return ratio(ours, theirs)


def run() -> dict[str, Measured]:
    """Measure, print the page's table, and return the rows."""
    cells, rows = asyncio.run(_measured())
    print(markdown(cells))  # noqa: T201 - what the page is to say
    return rows


def markdown(cells: dict[str, dict[str, str]]) -> str:
    """Return the page's table."""
    columns = (BARE, AGAIN, *TOOLS)
    head = f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}\n"
    return head + "\n".join(f"| {name} | {' | '.join(row.get(column, '') for column in columns)} |" for name, row in cells.items())
