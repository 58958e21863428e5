"""200 chats under way over two server processes that are told to stop; and processes renewed under load, again and again."""

import asyncio
import json
import signal
from collections import Counter
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.integration.netra_serve import Backend, serve

CHATS = 200
PATIENCE_S = 300.0
_LIMITS = {"NETRA_RATE_LIMIT_BURST": "1000", "NETRA_RATE_LIMIT_PER_MINUTE": "100000"}


async def begin(socket: ClientConnection) -> str:
    await socket.send(json.dumps({"type": "chat", "message": "What did we spend last month?", "agent": "data"}))
    run_id = ""
    while True:
        message = json.loads(await socket.recv())
        if message["type"] == "run_accepted":
            run_id = message["run_id"]
        elif message["type"] == "agent_started":
            return run_id


def drained(backend: Backend) -> int:
    return sum(line["message"] == "the server is drained" for line in backend.log())


async def to_the_end(socket: ClientConnection) -> tuple[str, int | None]:
    outcome = "nothing"
    try:
        while True:
            message = json.loads(await socket.recv())
            outcome = message["outcome"] if message["type"] == "run_finished" else outcome
    except ConnectionClosed:
        return outcome, socket.close_code


async def test_two_hundred_chats_under_way_complete_and_are_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serve(
        home, "--workers", "2", NETRA_SCRIPTED_LATENCY_MS="5000", NETRA_AGENT_TIMEOUT_S="240", NETRA_DRAIN_S="240", **_LIMITS
    ) as backend:
        await backend.ready()
        sockets = [await backend.connect(f"user-{number}") for number in range(CHATS)]
        run_ids = await asyncio.gather(*(begin(socket) for socket in sockets))
        backend.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            ends = await asyncio.gather(*(to_the_end(socket) for socket in sockets))
        backend.process.wait(timeout=PATIENCE_S)
        kept = backend.kept()
        assert Counter(ends) == {("completed", 1012): CHATS}
        assert Counter(kept.get(run_id) for run_id in run_ids) == {"completed": CHATS}


async def test_in_ten_renewals_under_load_every_client_gets_an_answer_or_a_typed_end(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    ends = Counter[str]()
    stop = asyncio.Event()

    async def chat(backend: Backend, user: str) -> None:
        while not stop.is_set():
            try:
                async with await backend.connect(user) as socket:
                    await socket.send(json.dumps({"type": "chat", "message": "What did we spend?", "agent": "data"}))
                    while (message := json.loads(await socket.recv()))["type"] not in {"run_finished", "error"}:
                        pass
                    ends[message.get("outcome", message.get("code"))] += 1
            except ConnectionClosed as closed:
                ends[f"closed {closed.rcvd.code if closed.rcvd else None}"] += 1
            except InvalidStatus as denied:
                ends[f"denied {denied.response.status_code}"] += 1

    with serve(home, "--workers", "2", NETRA_SCRIPTED_LATENCY_MS="20", **_LIMITS) as backend:
        await backend.ready()
        async with asyncio.timeout(900), asyncio.TaskGroup() as chats:
            for number in range(8):
                chats.create_task(chat(backend, f"user-{number}"))
            for renewal in range(1, 11):
                backend.process.send_signal(signal.SIGHUP)
                while drained(backend) < 2 * renewal:  # noqa: ASYNC110 - it happens in other processes
                    await asyncio.sleep(0.2)
            stop.set()
        assert set(ends) <= {"completed", "unavailable", "closed 1012", "denied 503"}, ends
        assert ends["completed"] > 0
