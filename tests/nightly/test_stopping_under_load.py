"""200 chats under way over two server processes that are told to stop; and processes renewed under load, again and again."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

from tests.integration.netra_serve import ENDS_OF_RENEWALS, begin, chat_again_and_again, serve, to_the_end

CHATS = 200
RENEWALS = 10
PATIENCE_S = 300.0
_LIMITS = {"NETRA_RATE_LIMIT_BURST": "1000", "NETRA_RATE_LIMIT_PER_MINUTE": "100000"}


async def test_two_hundred_chats_under_way_complete_and_are_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serve(home, "--workers", "2", NETRA_SCRIPTED_LATENCY_MS="5000", NETRA_DRAIN_S="240", **_LIMITS) as backend:
        await backend.ready()
        sockets = [await backend.connect(f"user-{number}") for number in range(CHATS)]
        run_ids = await asyncio.gather(*(begin(socket) for socket in sockets))
        backend.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            ends = await asyncio.gather(*(to_the_end(socket) for socket in sockets))
        backend.process.wait(timeout=PATIENCE_S)
        kept = backend.kept()
        assert Counter(ends) == {("completed", True, 1012): CHATS}
        assert Counter(kept.get(run_id) for run_id in run_ids) == {"completed": CHATS}


async def test_in_ten_renewals_under_load_every_client_gets_an_answer_or_a_typed_end(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    ends, stop = Counter[str](), asyncio.Event()
    with serve(home, "--workers", "2", NETRA_SCRIPTED_LATENCY_MS="20", **_LIMITS) as backend:
        await backend.ready()
        async with asyncio.timeout(900), asyncio.TaskGroup() as chats:
            for number in range(8):
                chats.create_task(chat_again_and_again(backend, f"user-{number}", stop, ends))
            for renewal in range(1, RENEWALS + 1):
                backend.process.send_signal(signal.SIGHUP)
                while len(backend.drained()) < 2 * renewal:  # noqa: ASYNC110 - it happens in other processes
                    await asyncio.sleep(0.2)
            stop.set()
        assert set(ends) <= ENDS_OF_RENEWALS, ends
        assert ends["completed"] > 0
