"""What failover costs a client whose run does not fail: the time to its first event, with the flag on and off, in pairs.

Real engines behind real WebSockets: one server in this process, and three tenants; the flag names one of them. Processor time of the event
loop is compared: a busy machine changes it least. The side without failover is measured twice (A/A), which shows what a ratio is worth.
The cost itself is measured without a server.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import median

from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from migration.comparison import default_policy
from migration.facade import ExecutionFacade
from migration.failover import Failover
from migration.flags import Decision
from migration.model import Engine as AnyEngine
from migration.model import Event, Origin, RunRequest, Stage
from migration.stages import PLANS
from migration.telemetry import Metrics
from netra_backend.app.services.tokens import mint
from tests.benchmarks.callers import quantile, ratio
from tests.benchmarks.facade import Engine, NoShadow
from tests.benchmarks.measuring import Measured, alone, beside, typical_us
from tests.benchmarks.streams import REQUEST, events, frames
from tests.integration.failing_candidates import failing_backend

BLOCKS, CHATS = 40, 15  #: chats of each side in a block
TENANTS = {"off": "globex", "on": "acme", "off again": "initech"}  #: side -> tenant; the flag names one of them
RUNS = 200


class _Flags:
    """One decision for everybody."""

    def __init__(self, *, fails_over: bool) -> None:
        self._decision = Decision(plan=PLANS[Stage.RAMPDOWN], reason="flag", flag_key="f", sampled=False, fails_over=fails_over)

    def decide(self, _request: RunRequest, /) -> Decision:
        return self._decision

    def finished(self, *_: object) -> None: ...

    def compared(self, *_: object) -> None: ...


def _facade(engine: AnyEngine, *, fails_over: bool) -> ExecutionFacade:
    metrics = Metrics(registry=CollectorRegistry())
    return ExecutionFacade(
        surface="chat",
        engines=dict.fromkeys(Origin, engine),
        flags=_Flags(fails_over=fails_over),
        shadow=NoShadow(),
        metrics=metrics,
        failover=Failover(default_policy("chat"), engine, build=str, metrics=metrics),
    )


async def _runs(facade: ExecutionFacade, most: int) -> None:
    for _ in range(RUNS):
        stream: AsyncGenerator[Event, None] = facade.run(REQUEST)
        for _event in range(most):
            await anext(stream)
        await stream.aclose()


async def _first_ms(socket: ClientConnection) -> float:
    """Return the loop's processor time until a client has the first event of a new run, and let the run end."""
    began = time.thread_time()
    await socket.send(json.dumps({"type": "chat", "message": "What did we spend on gpt-4o?", "agent": "data"}))
    while (kind := json.loads(await socket.recv())["type"]) == "run_accepted":
        pass
    took = time.thread_time() - began
    while kind != "run_finished":
        if kind == "error":
            raise SystemExit("a chat failed, so its time would mean nothing")
        kind = json.loads(await socket.recv())["type"]
    return took * 1e3


async def _measured() -> dict[str, list[float]]:
    """Return the lower quartile of each block of chats, by side."""
    found: dict[str, list[float]] = {side: [] for side in TENANTS}
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = await stack.enter_async_context(failing_backend(home, only=TENANTS["on"]))
        sockets = {}
        for side, tenant in TENANTS.items():
            headers = {"Authorization": f"Bearer {mint(running.settings, tenant, 'ann')}"}
            opened = connect(f"ws://{running.address}/ws/chat", proxy=None, additional_headers=headers)
            sockets[side] = await stack.enter_async_context(opened)
        for block in range(-1, BLOCKS):
            took: dict[str, list[float]] = {side: [] for side in TENANTS}
            for chat in range(CHATS):
                turn = chat % len(TENANTS)
                for side in (*list(TENANTS)[turn:], *list(TENANTS)[:turn]):
                    took[side].append(await _first_ms(sockets[side]))
            for side, times in took.items() if block >= 0 else ():
                found[side].append(quantile(times, 0.25))  # what a busy machine adds is in the others
    return found


def _bare() -> dict[str, Measured]:
    """Measure the facade alone around an engine: what the flag adds to a run up to its first event, and to each event."""
    said, added = events(frames(2)), {}
    with asyncio.Runner() as runner:
        for most in (1, len(said)):
            on, off = (partial(_turns, runner, _facade(Engine(said), fails_over=fails_over), most) for fails_over in (True, False))
            pairs = [(typical_us(on, calls=1, rounds=3), typical_us(off, calls=1, rounds=3)) for _ in range(9)]
            added[most] = median(with_it - without for with_it, without in pairs) / RUNS
    each = (added[len(said)] - added[1]) / (len(said) - 1)
    return {"failover, on top of a run and its first event": alone(added[1], "us"), "failover, on top of an event": alone(each, "us")}


def _turns(runner: asyncio.Runner, facade: ExecutionFacade, most: int) -> None:
    runner.run(_runs(facade, most))


def run() -> dict[str, Measured]:
    """Return the time to the first event with failover against without, its A/A, and what the flag adds by itself."""
    first = asyncio.run(_measured())
    rows: dict[str, Measured] = {}
    for side in ("on", "off again"):
        found = ratio(first[side], first["off"])
        row = beside(median(first[side]), "ms", "off", median(first["off"]), found.middle)
        figures = {"ratio": round(found.middle, 4), "interval": (round(found.low, 4), round(found.high, 4))}
        rows[f"failover {side} against off, first event (1.01 at most)"] = row | figures  # type: ignore[assignment]  # a row
    bare = _bare()
    added_us = bare["failover, on top of a run and its first event"]["value"]
    share = alone(added_us / 10 / median(first["off"]), "%")
    return rows | bare | {"failover, the same as a share of a client's first event (1 at most)": share}
