"""Starts and stops server processes: `DrainingServer` is one process, `Processes` manages several on one socket.

uvicorn closes WebSockets as soon as it is stopped, and no setting changes that. So the drain comes first: nothing new is accepted, and
current work ends or is cut after NETRA_DRAIN_S (`draining.py`). Only then does uvicorn stop the rest.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Process

from netra_backend.app.draining import DRAIN, Drain

_logger = logging.getLogger(__name__)

#: Seconds to close and store cut runs and to inform their clients.
CUT_S: Final = 5.0
#: Seconds for clients to answer the server's close message.
_FAREWELL_S: Final = 1.0
#: Time limit for closing the application's own parts, in seconds.
CLOSE_S: Final = 20.0
_LOOK_S: Final = 0.02

#: `Processes` sends this signal to make one of its processes cut its work immediately. SIGTERM cannot be used for this: service managers
#: send it to every process of a group, so a process may get it twice.
HURRY: Final = signal.SIGQUIT
_STOPS: Final = frozenset({signal.SIGINT, signal.SIGTERM})


class DrainingServer(uvicorn.Server):
    """A server that drains before it stops. A second signal cuts all current work immediately; a third one ends the process.

    Args:
        config: uvicorn's configuration.
        drain_s: seconds that current runs get to end.
        is_child: whether `Processes` decides when this server stops. Then it ignores a SIGINT from the terminal, and HURRY is the second
            signal.
    """

    def __init__(self, config: uvicorn.Config, *, drain_s: float, is_child: bool = False) -> None:
        super().__init__(config)
        self._drain_s, self._is_child = drain_s, is_child
        self._hurried = False

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until stopped and drained."""
        if self._is_child:
            signal.signal(HURRY, self.handle_exit)
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self._is_child and sig == signal.SIGINT:
            return
        if not self.should_exit:
            super().handle_exit(sig, frame)
        elif not self._is_child or sig == HURRY:
            self._hurried = True
            signal.signal(sig, signal.SIG_DFL)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then stop."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        drain = self.lifespan.state.get(DRAIN)
        if isinstance(drain, Drain):
            await self._drain(drain)
        try:
            async with asyncio.timeout(CLOSE_S):
                await super().shutdown(sockets)
        except TimeoutError:
            _logger.error("the application did not close within %g s; the process ends nevertheless", CLOSE_S)  # noqa: TRY400 - it says nothing of where

    async def _drain(self, drain: Drain) -> None:
        drain.begin()
        began, requests = time.monotonic(), len(self.server_state.tasks)
        _logger.info("the server is stopping; current requests may end", extra={"requests": requests, "at_most_s": self._drain_s})
        cut = 0
        if not await self._until(self._quiet, self._drain_s, or_hurried=True):
            cut = drain.cut()
            await self._until(lambda: not self.server_state.tasks, CUT_S)
        left = len(self.server_state.tasks)
        # uvicorn would close sockets before the client has answered, and the reset of a connection can lose the last messages.
        await self._until(lambda: not any(getattr(each, "close_timer", None) for each in self.server_state.connections), _FAREWELL_S)
        facts = {"runs_cut": cut, "requests_left": left, "seconds": round(time.monotonic() - began, 3)}
        _logger.log(logging.WARNING if cut or left else logging.INFO, "the server is drained", extra=facts)

    def _quiet(self) -> bool:
        """Whether no work is left, and no client has just connected that may still send a request."""
        return not self.server_state.tasks and not any(getattr(each, "fresh", False) for each in self.server_state.connections)

    async def _until(self, done: Callable[[], bool], at_most_s: float, *, or_hurried: bool = False) -> bool:
        """Wait until `done()`; return False when the time is up or the server was hurried."""
        deadline = time.monotonic() + at_most_s
        while not done():
            if time.monotonic() >= deadline or (or_hurried and self._hurried):
                return False
            await asyncio.sleep(_LOOK_S)
        return True


class _ServerProcess(Process):
    """One server process of several."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], drain_s: float) -> None:
        self._drain_s = drain_s
        super().__init__(config, sockets)

    @property
    def server(self) -> uvicorn.Server:
        """The server that this process runs."""
        if self._server is None:
            self._server = DrainingServer(self.config, drain_s=self._drain_s, is_child=True)
        return self._server

    def tell(self, sig: signal.Signals) -> None:
        """Send the process a signal, unless it has ended."""
        if self.process.pid is not None and self.process.exitcode is None:
            os.kill(self.process.pid, sig)


class Processes:
    """Server processes on one socket: started, replaced when they die, renewed one by one on SIGHUP, drained on SIGTERM or SIGINT.

    Args:
        config: uvicorn's configuration; `workers` is the number of processes.
        listener: the listening socket.
        drain_s: seconds that current runs get to end.
        clock: monotonic seconds.
    """

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, *, drain_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config, self._listener, self._drain_s, self._clock = config, listener, drain_s, clock
        self._processes: list[_ServerProcess] = []
        self._signals: list[int] = []
        self._stops = 0  #: the number of stop signals so far
        self._renew = False
        self.failed = False  #: True: a process did not start, so another one would not start either

    def run(self) -> None:
        """Serve until stopped, and return when all processes have ended."""
        for sig in (*_STOPS, signal.SIGHUP):
            signal.signal(sig, lambda number, _frame: self._signals.append(number))
        self._processes = [self._started() for _ in range(self._config.workers)]
        _logger.info("server processes started", extra={"pids": [process.pid for process in self._processes]})
        while not self._told_to_stop() and not self.failed:
            time.sleep(_LOOK_S * 5)
            self._replace_the_dead()
            if self._renew:
                self._renew = False
                self._renew_all()
        self._listener.close()  # no process would accept new connections
        self._stop(self._processes)

    def _started(self) -> _ServerProcess:
        process = _ServerProcess(self._config, [self._listener], self._drain_s)
        process.start()
        return process

    def _told_to_stop(self) -> bool:
        while self._signals:
            if self._signals.pop(0) == signal.SIGHUP:
                self._renew = True
            else:
                self._stops += 1
        return self._stops > 0

    def _replace_the_dead(self) -> None:
        for place, process in enumerate(self._processes):
            if process.exitcode is None:
                continue
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                self.failed = True
                return
            _logger.error("a server process died; a new one replaces it", extra={"pid": process.pid, "status": process.exitcode})
            self._processes[place] = self._started()

    def _renew_all(self) -> None:
        """Replace each process by a new one: the old one drains as soon as the new one serves."""
        for place, old in enumerate(self._processes):
            new = self._started()
            deadline = self._clock() + self._config.timeout_worker_healthcheck + CLOSE_S
            while not new.is_ready(timeout=0.5):
                if self._told_to_stop() or new.exitcode is not None or self._clock() > deadline:
                    _logger.error("a new server process did not get ready; the old ones stay", extra={"pid": new.pid})
                    self._stop([new])
                    return
            self._processes[place] = new
            self._stop([old])

    def _stop(self, processes: list[_ServerProcess]) -> None:
        """Stop the processes and wait until they have ended. If another stop signal comes, make them cut their work immediately."""
        for process in processes:
            process.tell(signal.SIGTERM)
        told, deadline = self._stops, self._clock() + self._drain_s + CUT_S + _FAREWELL_S + CLOSE_S
        while any(process.exitcode is None for process in processes):
            self._told_to_stop()
            if self._stops > told:
                told = self._stops
                for process in processes:
                    process.tell(HURRY)
            if self._clock() > deadline:
                for process in processes:
                    process.tell(signal.SIGKILL)
            time.sleep(_LOOK_S)
        for process in processes:
            process.join()
