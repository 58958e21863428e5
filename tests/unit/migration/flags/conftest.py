"""Flags on LaunchDarkly's real client that are fed by hand, and a recorder of its events."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ldclient.interfaces import UpdateProcessor
from prometheus_client import CollectorRegistry

from migration.flags.intake.intake import FlagIntake
from migration.flags.meaning.data import read_flag_data
from migration.flags.serving import LaunchDarklyFlags
from migration.model import RunRequest
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics
from tests.unit.migration.flags.making import flag_file


class Clock:
    """Monotonic seconds that move when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Events:
    """Takes what the client sends to LaunchDarkly."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    def send_event(self, event: Any) -> None:
        self.all.append(event)

    def flush(self) -> None: ...

    def stop(self) -> None: ...


class HandFed(UpdateProcessor):
    """A source that says what a test says. `put` replaces flags, or adds some; `down` is that it cannot be read."""

    name = "hand:fed"

    def __init__(self) -> None:
        self._flags: dict[str, Any] = {}
        self._segments: list[Any] = []
        self.intake: FlagIntake | None = None

    def options(self, _on_loss: Any = None) -> dict[str, Any]:
        return {"sdk_key": "none", "send_events": False}

    def processor(self, _config: Any, intake: FlagIntake, ready: Any) -> "HandFed":
        self.intake, self._ready = intake, ready
        return self

    def start(self) -> None:
        if self._flags:
            self._feed()
        self._ready.set()

    def stop(self) -> None: ...

    def initialized(self) -> bool:
        return self.intake is not None and self.intake.taken

    def put(self, *flags: Any, segments: Any = ()) -> None:
        self._flags |= {flag["key"]: flag for flag in flags}
        self._segments = list(segments) or self._segments
        if self.intake is not None:
            self._feed()

    def lose(self, *keys: str) -> None:
        for key in keys:
            del self._flags[key]
        self._feed()

    def down(self, problem: str = "it is not there") -> None:
        self.intake.down(problem)

    def _feed(self) -> None:
        self.intake.take(*read_flag_data(flag_file(*self._flags.values(), segments=self._segments)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def settings(tmp_path: Path) -> MigrationSettings:
    return MigrationSettings(home=tmp_path, surfaces=("chat", "batch"))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(registry=CollectorRegistry())


@pytest.fixture
def source() -> HandFed:
    return HandFed()


@pytest.fixture
def start(
    settings: MigrationSettings, metrics: Metrics, source: HandFed, events: Events, clock: Clock
) -> Iterator[Callable[..., LaunchDarklyFlags]]:
    """Start flags on the real SDK, over what `source` was given so far."""
    started: list[LaunchDarklyFlags] = []

    def start(**changed: Any) -> LaunchDarklyFlags:
        arguments = {"settings": settings, "metrics": metrics, "source": source, "event_processor": lambda _config: events, "clock": clock}
        started.append(LaunchDarklyFlags(**{**arguments, **changed}))
        return started[-1]

    yield start
    for flags in started:
        flags.close()


@pytest.fixture
def ask() -> Callable[..., RunRequest]:
    def ask(tenant: str = "acme", run_id: str = "run-1", surface: str = "chat", attributes: bytes = b"") -> RunRequest:
        return RunRequest(
            surface=surface,
            tenant_id=tenant,
            user_id="u",
            thread_id="t",
            run_id=run_id,
            payload=b"{}",
            received_at=1_700_000_000.0,
            attributes=attributes,
        )

    return ask
