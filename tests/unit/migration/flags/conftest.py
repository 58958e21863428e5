"""A flag file in a temporary folder, flags on LaunchDarkly's real client that look only when told, and a recorder of its events."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from migration.flags.file import FlagFile
from migration.flags.launchdarkly import LaunchDarklyFlags
from migration.flags.ramp import pin, share
from migration.model import RunRequest, Stage
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics

NEVER_S = 3600.0


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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def settings(tmp_path: Path) -> MigrationSettings:
    return MigrationSettings(home=tmp_path, surfaces=("chat", "batch"), flags_poll_s=NEVER_S)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(registry=CollectorRegistry())


@pytest.fixture
def flag_file(settings: MigrationSettings) -> FlagFile:
    return FlagFile(settings.path(settings.flags_file), settings.surfaces)


@pytest.fixture
def put(flag_file: FlagFile) -> Callable[..., None]:
    """Write a surface's stage, percentage and pins, whatever they were before."""

    def put(stage: Stage, percent: float = 100.0, *, surface: str = "chat", pins: dict[str, Stage] | None = None) -> None:
        def change(document: Any) -> Any:
            flag = share(document.surfaces[surface], stage, percent)
            for tenant, at in (pins or {}).items():
                flag = pin(flag, tenant, at)
            return document.with_surface(flag)

        flag_file.edit(change)

    return put


@pytest.fixture
def start(settings: MigrationSettings, metrics: Metrics, events: Events, clock: Clock) -> Iterator[Callable[..., LaunchDarklyFlags]]:
    """Start flags on the real SDK; a test says `flags.source.look()` when the file shall be looked at."""
    started: list[LaunchDarklyFlags] = []

    def start(**changed: Any) -> LaunchDarklyFlags:
        arguments = {"settings": settings, "metrics": metrics, "event_processor": lambda _config: events, "clock": clock, **changed}
        started.append(LaunchDarklyFlags(**arguments))
        return started[-1]

    yield start
    for flags in started:
        flags.close()


@pytest.fixture
def ask() -> Callable[..., RunRequest]:
    def ask(tenant: str = "acme", run_id: str = "run-1", surface: str = "chat") -> RunRequest:
        return RunRequest(
            surface=surface, tenant_id=tenant, user_id="u", thread_id="t", run_id=run_id, payload=b"{}", received_at=1_700_000_000.0
        )

    return ask
