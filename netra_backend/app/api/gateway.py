"""Everything that the endpoints share; the application's lifespan creates it once."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.api.ports import Execution, HistoryReader, OwnedThreads
from netra_backend.app.api.rate_limit import RateLimiter
from netra_backend.app.config import Settings
from netra_backend.app.draining import Drain
from netra_backend.app.services.machine import Machine
from netra_backend.app.services.runs.history import ThreadRuns
from netra_backend.app.websocket.connections import Connections


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLimits:
    """How much one client may ask of the server, in addition to the message size and rate in the settings."""

    connections_per_user: int = 16
    runs_per_connection: int = 4
    refusals_in_a_row: int = 20  #: the server closes the connection after this many refused messages without an accepted chat between them
    send_timeout_s: float = 20.0  #: a client that accepts no frame for this long counts as disconnected
    idle_timeout_s: float = 900.0  #: a connection without a message and without a run is closed after this time


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How much one user may ask of the server with batches, in addition to the message size and rate in the settings."""

    batches_per_user: int = 1  #: batches that a user may run at once
    items: int = 100  #: items that a batch may contain
    item_s: float = 60.0  #: an item that takes longer is stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The objects that the endpoints use."""

    settings: Settings
    execution: Execution
    threads: OwnedThreads
    runs: ThreadRuns  #: finished runs by thread
    history: HistoryReader
    database: AsyncEngine
    rate: RateLimiter
    connections: Connections
    limits: ChatLimits
    batches: Connections
    batch_limits: BatchLimits
    drain: Drain
    machine: Machine
    wall_clock: Callable[[], float] = time.time  #: Unix seconds; decides when a token has expired


def gateway_of(app: FastAPI) -> Gateway:
    """Return the application's gateway. It exists while the application is up."""
    gateway: Gateway = app.state.gateway
    return gateway
