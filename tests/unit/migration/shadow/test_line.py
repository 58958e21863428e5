"""The line of jobs without a result: bounded, in order, and nothing is lost when a worker dies."""

import msgspec
import pytest

from migration.settings import MigrationSettings
from migration.shadow.line import _WINDOW, Line
from tests.unit.migration.shadow.test_dispatch import make_job


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def line(clock):
    return lambda **limits: Line(msgspec.structs.replace(MigrationSettings(), **limits), clock)


def filled(line, count):
    assert [line.take(make_job(f"r{number}")) for number in range(count)] == [None] * count
    return line


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"shadow_queue_jobs": 1}, "queue_jobs"), ({"shadow_job_bytes": 10}, "job_bytes"), ({"shadow_queue_bytes": 10}, "queue_bytes")],
)
def test_a_job_that_exceeds_a_limit_is_not_taken_and_the_limit_is_named(line, limits, reason):
    waiting = line(**limits)
    if reason == "queue_jobs":
        filled(waiting, 1)
    before = len(waiting)
    assert (waiting.take(make_job("r")), len(waiting)) == (reason, before)


def test_jobs_are_sent_in_order_and_no_more_than_the_worker_can_use(line):
    waiting = filled(line(), _WINDOW + 1)
    sent = [job.run_id for job in iter(waiting.send, None)]
    assert sent == [f"r{number}" for number in range(_WINDOW)]
    assert (waiting.sent, len(waiting)) == (_WINDOW, _WINDOW + 1)


def test_the_oldest_is_answered_first(line):
    waiting = filled(line(), 2)
    waiting.send(), waiting.send()
    assert (waiting.awaits("r1"), waiting.awaits("r0"), waiting.awaits("")) == (False, True, True)
    assert waiting.answered().run_id == "r0"


def test_bytes_are_counted_while_they_wait_here(line):
    waiting = filled(line(), 2)
    whole = waiting.queued_bytes
    waiting.send()
    assert 0 < waiting.queued_bytes < whole
    waiting.put_back(suspected=False)
    assert waiting.queued_bytes == whole


def test_after_a_death_what_was_sent_is_sent_again_each_job_alone(line):
    waiting = filled(line(), 3)
    waiting.send(), waiting.send()
    waiting.put_back(suspected=True)
    assert (waiting.send().run_id, waiting.send()) == ("r0", None)
    waiting.answered()
    assert (waiting.send().run_id, waiting.send()) == ("r1", None)
    waiting.answered()
    assert waiting.send().run_id == "r2"


def test_what_is_given_up_is_the_oldest_until_none_is_left(line):
    waiting = filled(line(), 2)
    waiting.send()
    assert [waiting.give_up().run_id, waiting.give_up().run_id, waiting.give_up()] == ["r0", "r1", None]
    assert (len(waiting), waiting.queued_bytes) == (0, 0)


def test_a_job_is_late_from_when_it_runs_and_old_from_when_it_was_offered(line, clock):
    waiting = filled(line(), 2)
    clock.now += 3
    job = waiting.send()
    clock.now += 2
    assert (waiting.late_s(), waiting.oldest_s()) == (2 - job.deadline_s, 5.0)
    waiting.send(), waiting.answered()
    assert waiting.late_s() == -job.deadline_s
