"""The governor at work: what it measures, lowers, shows and sheds."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from migration.errors import EvidenceError
from migration.settings import MigrationSettings
from migration.shadow import governing
from migration.shadow.governing import Governing
from migration.shadow.pressure import Pressure
from migration.telemetry import Metrics


class FakeShadow:
    """Has what a test says."""

    def __init__(self) -> None:
        self.waiting = self.waiting_bytes = 0
        self.oldest_s = 0.0
        self.worker_pid = None
        self.governed = []

    def govern(self, *, resting: bool, overloaded: bool) -> None:
        self.governed.append((resting, overloaded))


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
async def world(registry, monkeypatch):
    """Return a governor that looks often, and its shadow."""
    monkeypatch.setattr(governing, "LOOK_S", 0.001)
    shadow = FakeShadow()
    settings = MigrationSettings(surfaces=("chat",), shadow_loop_late_s=3600.0)  # a busy machine is not what is tested
    governor = Governing(settings, Metrics(registry=registry))
    governor.start(shadow)
    yield governor, shadow
    await governor.aclose()


async def until(condition):
    async with asyncio.timeout(30.0):
        while not condition():  # noqa: ASYNC110 - gauges and shares have no event
            await asyncio.sleep(0.001)


async def test_a_full_queue_lowers_the_share_until_new_runs_are_shed_and_a_shorter_one_ends_that(world, registry):
    governor, shadow = world
    shadow.waiting = 256
    await until(lambda: (False, True) in shadow.governed)
    assert (governor.shares, governor.cause) == ({"chat": 1 / 64}, "queue")
    await until(lambda: registry.get_sample_value("migration_shadow_share", {"surface": "chat"}) == 1 / 64)
    shadow.waiting = 0
    await until(lambda: governor.shares == {"chat": 1.0})
    assert (shadow.governed[-1], governor.cause) == ((False, False), None)


async def test_a_look_that_fails_is_counted_and_the_next_one_succeeds(world, registry):
    governor, shadow = world
    shadow.waiting = "many"
    await until(lambda: registry.get_sample_value("migration_failures_total", {"operation": "shadow.govern"}))
    shadow.waiting = 256
    await until(lambda: governor.shares["chat"] < 1.0)


class Needs:
    """What gates decided."""

    def __init__(self):
        self.answer, self.closed = {"chat": 0.25}, False

    def read(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self):
        self.closed = True


async def test_the_needs_of_gates_are_followed_in_the_background_and_without_them_all_count_alike(monkeypatch):
    monkeypatch.setattr(governing, "NEEDS_S", 0.001)
    needs = Needs()
    governor = Governing(MigrationSettings(surfaces=("chat", "batch")), Metrics(registry=CollectorRegistry()), needs=needs)
    assert governor.need("chat") == 1.0
    governor.start(FakeShadow())
    await until(lambda: governor.need("chat") == 0.25)
    assert governor.need("batch") == 1.0
    needs.answer = EvidenceError("gone")
    await until(lambda: governor.need("chat") == 1.0)
    await governor.aclose()
    assert needs.closed


async def test_reads_count_for_a_minute():
    now = [0.0]
    governor = Governing(MigrationSettings(surfaces=("chat",)), Metrics(registry=CollectorRegistry()), clock=lambda: now[0])
    comparison = type("Comparison", (), {"effects_permitted": 3})()
    governor.saw(type("Result", (), {"comparison": comparison})())
    governor.saw(type("Result", (), {"comparison": None})())
    assert governor._reads_a_minute() == 3.0
    now[0] = 61.0
    assert governor._reads_a_minute() == 0.0


def test_a_share_that_changes_begins_a_new_measurement_of_the_tax():
    governor = Governing(MigrationSettings(surfaces=("chat",)), Metrics(registry=CollectorRegistry()))
    forgotten = []
    governor._tax.forget = lambda: forgotten.append(True)
    governor._governor.look([Pressure("loop", 2.0)])
    assert (forgotten, governor.taxes()) == ([True], {})
