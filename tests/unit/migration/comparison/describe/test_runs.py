"""Where time went, and when candidate is too slow."""

from typing import Any

import msgspec
import pytest

from migration.comparison.describe.runs import timing
from migration.model import Origin


@pytest.mark.parametrize(
    ("spans", "effect_s"),
    [
        ((), 0.0),
        (((0.1, 0.2),), 0.2),
        (((0.1, 0.2), (0.2, 0.2)), 0.3),
        (((0.1, 0.5), (0.2, 0.1)), 0.5),
        (((0.2, 0.1), (0.1, 0.5)), 0.5),
        (((0.9, 5.0),), 0.1),
    ],
)
def test_overlapping_effects_count_once_and_none_outlives_the_run(spans: Any, effect_s: float, run: Any, new_effect: Any) -> None:
    one = run()
    effects = [msgspec.structs.replace(new_effect("clock", "now", "data", {}), started_s=start, duration_s=took) for start, took in spans]
    record = msgspec.structs.replace(one.record(Origin.CONTROL), journal=tuple(effects), duration_s=1.0)

    assert timing(record).effect_s == pytest.approx(effect_s)


def test_a_run_without_events_has_no_first_event(run: Any) -> None:
    one = run()
    one.frames = []

    assert timing(one.record(Origin.CONTROL)).first_event_s is None


@pytest.mark.parametrize(("times", "longest_gap_s"), [((), None), ((0.5,), None), ((0.5, 0.5), 0.0), ((0.0, 0.25, 1.0, 1.5), 0.75)])
def test_the_longest_gap_is_between_two_events(times: tuple[float, ...], longest_gap_s: float | None, run: Any) -> None:
    record = run().record(Origin.CONTROL)
    events = tuple(msgspec.structs.replace(record.events[0], at_s=at_s) for at_s in times)

    assert timing(msgspec.structs.replace(record, events=events)).longest_gap_s == longest_gap_s
