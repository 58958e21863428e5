"""The draw: with which probability a run is shadowed."""

import pytest

from migration.flags.draw import MOST_LEVEL, REST, Ungoverned, probability
from migration.flags.serving import LaunchDarklyFlags
from migration.settings import MigrationSettings
from tests.unit.migration.flags.making import at, sampling


@pytest.mark.parametrize(
    ("percent", "level", "expected"),
    [(100.0, 0, 1.0), (100.0, 1, 0.5), (30.0, 2, 0.075), (100.0, MOST_LEVEL, 1 / 64), (100.0, REST, 0.0), (-1.0, 0, 0.0), (250.0, 0, 1.0)],
)
def test_each_level_halves_the_flags_percentage_and_rest_is_none(percent, level, expected):
    assert probability(percent, level) == pytest.approx(expected)


def test_nobody_governs_by_default():
    assert Ungoverned().level("chat", "acme") == 0


@pytest.fixture
def decide(source, ask, tmp_path, metrics):
    """Return the decision for a run, at a level of the governor and with a random number."""
    source.put(at("shadow"), sampling(40))
    world = type("World", (), {"level": 0, "random": 0.0})()
    governor = type("Governor", (), {"level": lambda _self, _surface, _tenant: world.level})()
    flags = LaunchDarklyFlags(
        MigrationSettings(home=tmp_path, surfaces=("chat",)), metrics, source=source, governor=governor, draw=lambda: world.random
    )

    def decided(level: int, random: float):
        world.level, world.random = level, random
        return flags.decide(ask())

    yield decided
    flags.close()


@pytest.mark.parametrize(("level", "drawn_below"), [(0, 0.4), (1, 0.2), (3, 0.05)])
def test_a_run_is_drawn_with_the_probability_that_its_decision_records(decide, level, drawn_below):
    drawn, left = decide(level, drawn_below - 1e-9), decide(level, drawn_below)
    assert (drawn.sampled, left.sampled) == (True, False)
    assert drawn.probability == left.probability == pytest.approx(drawn_below)


def test_at_rest_no_run_is_drawn_and_its_probability_is_zero(decide):
    assert (decide(REST, 0.0).sampled, decide(REST, 0.0).probability) == (False, 0.0)
