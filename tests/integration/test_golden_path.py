"""The backend as its users meet it: `netra serve`, a process of its own, and a chat over a real WebSocket."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

GOLDEN = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
# goes with: chat
GOLDEN.remove("tool_completed")  # the legacy engine never sends it
# stays
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a backend with sample data, and the environment that it was started in."""
    home = tmp_path_factory.mktemp("golden-path")
    environment = os.environ | {"NETRA_HOME": str(home), "NETRA_JWT_SECRET": "a-secret-of-the-tests-0123456789ab"}
    environment |= {"NETRA_MIGRATION_HOME": str(home)}  # goes with: migration
    netra = Path(sys.executable).with_name("netra")
    subprocess.run([netra, "seed", "--tenant", "acme", "--json"], env=environment, check=True, capture_output=True, timeout=PATIENCE_S)
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            [netra, "serve", "--port", "0", "--json"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as server,
    ):
        try:
            told = ""
            while not told.endswith("}\n"):
                line = server.stdout.readline() if server.stdout else ""
                assert line, (home / "log").read_text()
                told += line
            yield json.loads(told)["url"].replace("http://", "ws://"), environment
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE_S)


def token(environment: dict[str, str]) -> str:
    command = [Path(sys.executable).with_name("netra"), "token", "--tenant", "acme", "--user", "ann", "--json"]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=PATIENCE_S).stdout
    return str(json.loads(told)["token"])


async def opened(address: str, bearer: str) -> ClientConnection:
    """Connect as soon as the server, which has told its address already, takes connections."""
    while True:
        try:
            return await connect(f"{address}/ws/chat", proxy=None, additional_headers={"Authorization": f"Bearer {bearer}"})
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)


async def test_a_chat_over_a_real_websocket_sends_the_golden_events_in_order_and_ends(backend: tuple[str, dict[str, str]]) -> None:
    address, environment = backend
    seen: list[str] = []
    async with asyncio.timeout(PATIENCE_S), await opened(address, token(environment)) as socket:
        await socket.send(json.dumps({"type": "chat", "message": "What did we spend last month?", "agent": "data"}))
        while "run_finished" not in seen:
            message = json.loads(await socket.recv())
            seen.append(message["type"])
    assert (seen[0], seen[-1], message["outcome"]) == ("run_accepted", "run_finished", "completed")
    assert list(dict.fromkeys(kind for kind in seen if kind in GOLDEN)) == GOLDEN
