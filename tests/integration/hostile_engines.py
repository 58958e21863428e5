"""Engines that do what a shadow must not do, by the request's `act`; and what a worker is made of in these tests. Imported by workers."""

import asyncio
import contextlib
import ctypes
import itertools
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from migration.effects import perform
from migration.effects.journals.misses import MissPolicy
from migration.effects.journals.reads import Reads
from migration.errors import BoundaryError, UnknownSurfaceError
from migration.model import Comparison, Event, Origin, RunRecord, RunRequest, Timing, Verdict
from migration.sentence import quoted
from migration.settings import MigrationSettings
from migration.shadow.engine_runner import Engines
from migration.shadow.job import ShadowJob
from migration.shadow.parts import ComparedJob, Parts


class OddError(BaseException):
    pass


#: Of the job under way: a file that no shadow may make, and a port that none may reach.
OUTSIDE: dict[str, Any] = {"file": os.devnull, "port": 1}


def touch_outside() -> None:
    Path(OUTSIDE["file"]).touch()


async def look() -> None:
    async def call() -> bytes:
        touch_outside()
        return b'"performed"'

    await perform("tool", "look", lane="data", request=b"{}", call=call)


async def raise_exception() -> None:
    raise ValueError("a secret of the user")


async def raise_base_exception() -> None:
    raise OddError


async def raise_system_exit() -> None:
    sys.exit(3)


async def raise_keyboard_interrupt() -> None:
    raise KeyboardInterrupt


async def raise_cancelled() -> None:
    raise asyncio.CancelledError


async def exit_in_a_task() -> None:
    with contextlib.suppress(SystemExit):
        await asyncio.create_task(raise_system_exit())


async def interrupt_in_a_task() -> None:
    await asyncio.create_task(raise_keyboard_interrupt())


async def leave_a_task_behind() -> None:
    asyncio.create_task(hang()).set_name("left behind")


async def leave_a_thread_behind() -> None:
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


async def work_in_a_thread() -> None:
    await asyncio.gather(*(asyncio.to_thread(sum, range(1000)) for _ in range(3)))


async def sleep_for_hours() -> None:
    await asyncio.sleep(3000)


async def hang() -> None:
    await asyncio.Event().wait()


async def hang_with_a_heartbeat() -> None:
    while True:  # noqa: ASYNC110 - never to end is the point
        await asyncio.sleep(2)


async def spin() -> None:
    while True:  # noqa: ASYNC110 - never to end is the point
        await asyncio.sleep(0)


async def ignore_cancellation() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(2)


async def block_the_loop() -> None:
    time.sleep(3600)  # noqa: ASYNC251 - blocking is the point


async def block_in_c() -> None:
    max(itertools.repeat(0))  # never gives up the interpreter's lock


async def exhaust_memory() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(2**24))


async def exit_the_process() -> None:
    os._exit(7)


async def crash() -> None:
    ctypes.string_at(0)


async def ask_something_else() -> None:
    async def call() -> bytes:
        touch_outside()
        return b"1"

    await perform("tool", "pay", lane="data", request=b"{}", call=call)


async def connect() -> None:
    socket.create_connection(("127.0.0.1", OUTSIDE["port"]))


async def connect_from_a_thread() -> None:
    await asyncio.to_thread(socket.create_connection, ("127.0.0.1", OUTSIDE["port"]))


async def connect_by_the_loop() -> None:
    await asyncio.open_connection("127.0.0.1", OUTSIDE["port"])


async def write_a_file() -> None:
    touch_outside()


async def open_a_database() -> None:
    sqlite3.connect(OUTSIDE["file"])


async def start_a_program() -> None:
    subprocess.run(["touch", OUTSIDE["file"]], check=True)  # noqa: ASYNC221 - any way to start one will do


async def connect_quietly() -> None:
    with contextlib.suppress(Exception):
        await connect()


async def _read(call: Callable[[], Coroutine[object, object, bytes]]) -> None:
    await perform("tool", "read", lane="data", request=b"{}", call=call)


async def read_the_outside() -> None:
    async def call() -> bytes:
        with contextlib.closing(await asyncio.to_thread(sqlite3.connect, f"{OUTSIDE['file']}.db", check_same_thread=False)):
            return b"1"

    await _read(call)


async def read_and_hang() -> None:
    async def call() -> bytes:
        await hang()
        return b"1"

    await _read(call)


async def read_and_block() -> None:
    async def call() -> bytes:
        await block_the_loop()
        return b"1"

    await _read(call)


async def connect_while_reading() -> None:
    reading = asyncio.create_task(read_and_hang())
    await asyncio.sleep(0)
    try:
        await connect()
    finally:
        reading.cancel()


ACTS: dict[str, Callable[[], Coroutine[object, object, None]]] = {
    name: act for name, act in vars().copy().items() if asyncio.iscoroutinefunction(act)
}


class ActingEngine:
    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        told = json.loads(request.payload)
        act = told["act"]
        OUTSIDE.update(told.get("outside", {}))
        yield Event(kind="agent_started", lane="data", payload=b"{}", at_s=0.0)
        if act == "flood":
            while True:
                yield Event(kind="agent_thinking", lane="data", payload=b"{}", at_s=0.0)
        if act == "flood_bytes":
            while True:
                yield Event(kind="agent_thinking", lane="data", payload=b"x" * 2**16, at_s=0.0)
        if act == "refuse_to_close":
            try:
                yield Event(kind="agent_thinking", lane="data", payload=b"{}", at_s=0.0)
                await hang()
            finally:
                await ignore_cancellation()
        if act != "behave":
            await ACTS[act]()
        yield Event(kind="agent_completed", lane="data", payload=b"{}", at_s=0.0)


def build(surface: str, _origin: Origin) -> ActingEngine:
    if surface == "unknown":
        raise UnknownSurfaceError(surface, ["chat"])
    if surface == "exits":
        sys.exit(4)
    return ActingEngine()


def compare(job: ShadowJob, shadow: RunRecord) -> Comparison:
    """A match when the shadow ended well and asked for nothing that is not on record."""
    request = job.record.request
    if request.surface == "incomparable":
        raise ZeroDivisionError
    if request.surface == "deadly":
        os._exit(9)
    asked = [effect.key for effect in shadow.journal if effect.error is not None]
    timing = Timing(duration_s=shadow.duration_s, effect_s=0.0, first_event_s=0.0)
    return Comparison(
        surface=request.surface,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        thread_id=request.thread_id,
        run_id=request.run_id,
        stage=job.stage,
        serving=job.record.origin,
        verdict=Verdict.MATCH if shadow.outcome == job.record.outcome and not asked else Verdict.DIVERGENT,
        divergences=(),
        control=timing,
        candidate=timing,
        reasons=tuple(map(quoted, [shadow.error.type] if shadow.error else asked)),
    )


class FullDisk:
    def store_each(self, findings: Sequence[ComparedJob], /) -> list[bool]:
        raise OSError("no space left")


def parts(_settings: MigrationSettings) -> Parts:
    return Parts(build=build, compare=compare, sink=None)


def engines(_settings: MigrationSettings) -> Engines:
    return Engines(build=build)


def engines_that_may_read(_settings: MigrationSettings) -> Engines:
    reads = Reads(timeout_s=0.2)
    return Engines(build=build, misses=MissPolicy(read_only=frozenset({"read"}), budget=2, perform=reads.perform, stuck=reads.stuck))


def engines_on_an_old_kernel(_settings: MigrationSettings) -> Engines:
    raise BoundaryError("Landlock")


def engines_that_read_a_file(_settings: MigrationSettings) -> Engines:
    Path("/etc/hostname").read_text()
    return Engines(build=build)


def parts_without_disk(_settings: MigrationSettings) -> Parts:
    return Parts(build=build, compare=compare, sink=FullDisk())


def parts_that_fail(_settings: MigrationSettings) -> Parts:
    raise RuntimeError("cannot be made")
