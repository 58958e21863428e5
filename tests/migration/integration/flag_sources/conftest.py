"""A LaunchDarkly and a Redis of our own, and LaunchDarkly's real client on each of our sources."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ldclient import Config
from ldclient.client import LDClient

from migration.flags.intake.intake import FlagIntake
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.sources.source import FlagSource
from migration.settings import MigrationSettings
from migration.variables import Secret
from tests.migration.servers.certificates import Authority
from tests.migration.servers.launchdarkly import API_TOKEN, SDK_KEY, LaunchDarkly
from tests.migration.servers.redis import RedisServer
from tests.unit.migration.flags.making import at, kill_switch, sampling

PATIENCE_S = 30.0  #: no test waits longer for anything


def eventually(holds: Callable[[], Any], within_s: float = PATIENCE_S) -> float:
    """Wait until it holds; return the seconds that it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not within {within_s} s")
        time.sleep(0.005)
    return time.monotonic() - began


@dataclass
class Following:
    """LaunchDarkly's client on a source, and what it makes of one tenant."""

    client: LDClient
    intake: FlagIntake
    start_s: float  #: seconds that the client took to start
    lost: list[str] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)  #: the flags' version after each change

    def stage(self, tenant: str = "acme") -> str | None:
        return FlagEvaluator(self.client).stage("chat", Tenant(tenant_id=tenant)).stage

    def killed(self) -> bool:
        return FlagEvaluator(self.client).killed("chat", Tenant(tenant_id="acme"))

    @property
    def error(self) -> str:
        return self.intake.status().error or ""

    @property
    def up(self) -> bool:
        return self.intake.status().up


@pytest.fixture
def follow() -> Iterator[Callable[..., Following]]:
    """Start clients on sources; all are closed at the end, and leave no thread."""
    opened: list[LDClient] = []

    def follow(source: FlagSource, *, intake: FlagIntake | None = None, **options: Any) -> Following:
        intake = intake or FlagIntake(source.name, ("chat",))
        lost: list[str] = []
        began = time.monotonic()

        def processor(config: Config, _store: Any, ready: threading.Event) -> Any:
            intake.connect(config.data_source_update_sink)
            return source.processor(config, intake, ready)

        config = Config(update_processor_class=processor, diagnostic_opt_out=True, **{**source.options(lost.append), **options})
        client = LDClient(config, start_wait=PATIENCE_S)
        opened.append(client)
        following = Following(client, intake, time.monotonic() - began, lost)
        intake.on_change(lambda: following.changes.append(intake.data.version))
        return following

    yield follow
    for client in opened:
        client.close()
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith(("ldclient", "migration"))])


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def launchdarkly(authority: Authority) -> Iterator[LaunchDarkly]:
    """Everybody is at `shadow`, and the kill switch is off."""
    flags = (at("shadow"), kill_switch(on=False), sampling(100))
    server = LaunchDarkly({flag["key"]: flag for flag in flags}, tls=authority.server_context()).start()
    yield server
    server.stop()


@pytest.fixture
def settings(launchdarkly: LaunchDarkly, authority: Authority, tmp_path: Path) -> MigrationSettings:
    return MigrationSettings(
        home=tmp_path,
        surfaces=("chat",),
        flags_source="launchdarkly",
        launchdarkly_sdk_key=Secret(SDK_KEY),
        launchdarkly_api_token=Secret(API_TOKEN),
        launchdarkly_base_uri=launchdarkly.url,
        launchdarkly_stream_uri=launchdarkly.url,
        launchdarkly_events_uri=launchdarkly.url,
        launchdarkly_api_uri=launchdarkly.url,
        launchdarkly_project=launchdarkly.project,
        launchdarkly_environment=launchdarkly.environment,
        launchdarkly_ca_file=authority.ca_file,
    )


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real one, empty."""
    if not RedisServer.installed():
        pytest.skip("needs Redis: apt-get install redis-server")
    server = RedisServer(tmp_path).start()
    yield server
    server.kill()
