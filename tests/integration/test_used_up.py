"""A machine that runs out of something: `/ready` turns and says what to do, users are told, metrics move, and it is back by itself."""

import asyncio
import os
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import WebSocketException

from tests.integration.netra_serve import PATIENCE_S, Backend, ask, serve


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A home on a file system of its own, of 6 MB."""
    home = tmp_path / "home"
    home.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", home], check=False, capture_output=True).returncode
    ):
        pytest.skip("a file system can only be mounted by root")
    yield home
    subprocess.run(["umount", "-l", home], check=True)


async def ready(backend: Backend) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        return await client.get(f"{backend.url}/ready")


async def metric(backend: Backend, name: str) -> list[str]:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        return [line for line in (await client.get(f"{backend.url}/metrics")).text.splitlines() if line.startswith(name)]


async def test_a_full_disk_is_told_everywhere_and_is_back_by_itself(small_disk: Path) -> None:
    with serve(small_disk) as backend:
        await backend.ready()
        async with asyncio.timeout(PATIENCE_S), await backend.connect("ann") as client:
            assert (await ask(client))["outcome"] == "completed"
            fill(small_disk / "ballast")
            answer = await ready(backend)
            assert (answer.status_code, answer.json()["components"]["home"]) == (503, "the disk is full; free some space")
            ends = [await ask(client) for _ in range(3)]
            # No run is told as finished that is not kept.
            assert all(end["type"] == "error" or end["outcome"] in {"completed", "failed"} for end in ends)
            assert {end.get("code", "unavailable") for end in ends} == {"unavailable"}
            (small_disk / "ballast").unlink()
            assert (await ready(backend)).status_code == 200
            assert 'netra_ready{component="home"} 1.0' in await metric(backend, "netra_ready")
            assert (await ask(client))["outcome"] == "completed"
        kept = backend.kept()
        finished = [end["run_id"] for end in ends if end.get("outcome") == "completed"]
        assert all(run_id in kept for run_id in finished)


def fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


async def test_without_descriptors_the_clients_that_are_there_are_served_and_new_ones_are_when_some_are_free(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))

    with serve(home, preexec=few) as backend:
        await backend.ready()
        host, port = backend.url.removeprefix("http://").split(":")
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            assert (await client.get(f"{backend.url}/ready")).status_code == 200
            crowd = [socket.create_connection((host, int(port))) for _ in range(120)]
            answer: Any = None
            while answer is None or answer.status_code == 200:
                answer = await client.get(f"{backend.url}/ready")
            assert "no descriptors are left" in str(answer.json()["components"])
            for one in crowd:
                one.close()
            while answer.status_code != 200:
                answer = await client.get(f"{backend.url}/ready")
        for _ in range(100):
            with suppress(OSError, WebSocketException):
                async with await backend.connect("ann") as chat:
                    assert (await ask(chat))["outcome"] == "completed"
                    break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("nobody is served after descriptors are free again")
