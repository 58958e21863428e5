"""Deaths of shadow workers in the history: the first one at once, several together later, none lost."""

from collections import deque

import pytest

from migration.errors import HistoryError
from migration.processes.deaths import WorkerDeaths


class History:
    broken = False

    def __init__(self):
        self.said = []

    def append(self, entry):
        if self.broken:
            raise HistoryError("full")
        self.said.append(entry.what)


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def made():
    history, clock = History(), Clock()
    return WorkerDeaths(history, "server 7", clock), history, clock


@pytest.mark.parametrize(("status", "how"), [(-9, "was killed by signal 9"), (3, "ended with status 3")])
def test_a_death_is_written_with_how_it_came(made, status, how):
    deaths, history, _ = made
    deaths.write(deque([(42, status)]))
    assert history.said == [f"shadow worker 42 of server 7 {how}, and is replaced"]


def test_those_of_the_next_minute_are_written_together(made):
    deaths, history, clock = made
    deaths.write(deque([(1, 1)]))
    waiting = deque([(2, 1), (3, 1)])
    deaths.write(waiting)
    assert len(waiting) == 2
    clock.now += 60
    deaths.write(waiting)
    assert history.said[1:] == ["shadow worker 3 of server 7 ended with status 1, and is replaced; so did 1 before it"]
    assert not waiting


def test_a_history_that_cannot_be_written_loses_no_death(made):
    deaths, history, _ = made
    history.broken, waiting = True, deque([(1, 1)])
    with pytest.raises(HistoryError):
        deaths.write(waiting)
    assert len(waiting) == 1


def test_without_a_death_nothing_is_written(made):
    deaths, history, _ = made
    deaths.write(deque())
    assert history.said == []
