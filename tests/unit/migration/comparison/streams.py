"""A small policy, and frames of its shape."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from migration.comparison.compare import Prepared
from migration.comparison.policy import parse_policy
from migration.comparison.read.stream import Stream
from migration.model import Event, Origin, RunRecord, RunRequest

REQUEST = RunRequest(surface="shop", tenant_id="acme", user_id="ann", thread_id="d", run_id="r", payload=b"{}", received_at=0.0)
POLICY = """
surface = "shop"
version = 1
[envelope]
texts = ["type", "tenant_id", "user_id"]
numbers = ["at"]
[envelope.identity]
tenant_id = "tenant_id"
user_id = "user_id"
[[rules]]
id = "times"
action = "mask"
paths = ["at", "payload.**.took_ms"]
reason = "Measured."
"""

MakeFrame = Callable[..., bytes]
MakeStream = Callable[..., Stream]


@pytest.fixture
def tools() -> Prepared:
    return Prepared(parse_policy(POLICY, "shop.toml"))


@pytest.fixture
def frame() -> MakeFrame:
    def make(kind: str = "said", *, at: float = 1.0, tenant: str = "acme", body: Any = None, **more: Any) -> bytes:
        value = {"type": kind, "tenant_id": tenant, "user_id": "ann", "at": at, "payload": {} if body is None else body, **more}
        return json.dumps(value, separators=(",", ":")).encode()

    return make


@pytest.fixture
def stream(tools: Prepared) -> MakeStream:
    def make(frames: Sequence[bytes], side: Origin = Origin.CONTROL, lanes: Sequence[str] = ()) -> Stream:
        places = lanes or ["a"] * len(frames)
        events = tuple(Event(kind="said", lane=lane, payload=frame, at_s=0.1) for lane, frame in zip(places, frames, strict=True))
        run = RunRecord(request=REQUEST, origin=side, events=events, journal=(), outcome="completed", duration_s=1.0, trace_id=None)
        return Stream(side, run, tools.reader, tools.normaliser)

    return make
