"""What bounds the end of a `netra serve` whose parts do not end: deadlines, and a third signal. Real processes, real signals."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PATIENCE_S = 60.0
_PAUSE_S = 0.1

# An application whose parts never close, served as `netra serve` serves ours.
_SERVES = """
import asyncio, sys
import uvicorn
from netra_backend.app import server

server.CLOSE_S = float(sys.argv[1])

async def app(scope, receive, send):
    while True:
        if (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
            print("up", flush=True)
        else:
            print("closes", flush=True)
            await asyncio.Event().wait()

server.DrainingServer(uvicorn.Config(app, port=0, lifespan="on"), drain_s=0.0).run()
print("ended", flush=True)
"""


@contextmanager
def serving(close_s: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _SERVES, str(close_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


def test_an_application_that_does_not_close_ends_all_the_same() -> None:
    with serving(0.2) as process:
        process.send_signal(signal.SIGINT)
        said, log = process.communicate(timeout=PATIENCE_S)
        assert said.startswith("closes\n")
        assert "did not close within 0.2 s" in log


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_third_signal_ends_it_where_it_stands(sent: signal.Signals) -> None:
    with serving(1_000_000.0) as process:
        process.send_signal(sent)
        assert process.stdout is not None
        assert process.stdout.readline() == "closes\n"
        give_up = time.monotonic() + PATIENCE_S
        # The second may still be on its way when the third is sent, and two of a kind that wait are one; so more follow.
        while process.poll() is None and time.monotonic() < give_up:
            process.send_signal(sent)
            time.sleep(_PAUSE_S)
        assert process.wait(0) == -sent
        assert process.stdout.read() == ""
