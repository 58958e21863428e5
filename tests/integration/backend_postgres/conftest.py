"""A real PostgreSQL on loopback, for this folder's tests. Skips, and says why, where there is none."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.database import Table, open_engine


def _program(name: str) -> str | None:
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))  # Debian keeps it off the path
    return shutil.which(name) or (str(beside[-1]) if beside else None)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    # PostgreSQL refuses root; pytest's own folders are closed to other users.
    user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="netra-postgres-"))
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    subprocess.run([initdb, "-D", data, "-U", "netra", "-A", "trust", "-N"], check=True, capture_output=True, cwd="/", **user)
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([postgres, "-D", data, *options], stdout=log, stderr=log, cwd="/", **user) as server,
    ):
        try:
            url = f"postgresql+psycopg://netra@127.0.0.1:{port}/postgres"
            asyncio.run(_wait_until_up(url, server))
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: waits for no client
            server.wait(30)
    shutil.rmtree(folder)


async def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    engine = open_engine(url)
    try:
        async with asyncio.timeout(60):
            while server.poll() is None:
                try:
                    async with engine.connect():
                        return
                except Exception:  # noqa: BLE001 - whatever the driver raises while the server starts
                    await asyncio.sleep(0.05)
    finally:
        await engine.dispose()
    raise RuntimeError(f"PostgreSQL ended with {server.returncode} instead of starting")


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """A database without tables."""
    engine = open_engine(postgres_url)
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.drop_all)
    yield engine
    await engine.dispose()
