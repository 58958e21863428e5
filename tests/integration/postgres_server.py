"""A real PostgreSQL on loopback, with a new and empty database."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netra_backend.app.services.database import open_engine

MISSING = "needs PostgreSQL: apt-get install postgresql"


def _program(name: str) -> str | None:
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))  # Debian keeps it off the path
    return shutil.which(name) or (str(beside[-1]) if beside else None)


def installed() -> bool:
    """Return whether there is a PostgreSQL to run."""
    return None not in {_program("initdb"), _program("postgres")}


@contextmanager
def running(*, flush: bool = False) -> Iterator[str]:
    """Run one until the block ends, and give its address.

    Args:
        flush: whether it waits for the disk at each commit.
    """
    # PostgreSQL refuses root; pytest's own folders are closed to other users.
    user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="netra-postgres-"))
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", f"fsync={'on' if flush else 'off'}"]
    initdb, postgres = _program("initdb") or "initdb", _program("postgres") or "postgres"
    subprocess.run([initdb, "-D", data, "-U", "netra", "-A", "trust", "-N"], check=True, capture_output=True, cwd="/", **user)
    command = [postgres, "-D", data, *(part for option in options for part in ("-c", option))]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **user) as server:
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
