import msgspec
import pytest

from migration.isolation import Neighbourhood
from migration.isolation.neighbourhood import ALWAYS, MOST


@pytest.fixture
def after(ann, request_of):
    """Return a neighbourhood that so many runs have entered."""

    def entered(runs: int, neighbourhood: Neighbourhood | None = None) -> Neighbourhood:
        neighbourhood = neighbourhood or Neighbourhood()
        for number in range(runs):
            neighbourhood.enter(request_of(msgspec.structs.replace(ann, run_id=f"run-{number}")))
        return neighbourhood

    return entered


def test_a_run_is_told_of_from_its_start(after, ann):
    assert after(1).tell() == (msgspec.structs.replace(ann, run_id="run-0"),)


def test_all_that_came_since_the_last_job_are_told(after):
    neighbourhood = after(100)
    assert [one.run_id for one in neighbourhood.tell()] == [f"run-{number}" for number in range(100)]
    assert len(after(40, neighbourhood).tell()) == 40


def test_the_latest_are_told_again_and_again(after):
    neighbourhood = after(100)
    neighbourhood.tell()
    assert [one.run_id for one in neighbourhood.tell()] == [f"run-{number}" for number in range(100 - ALWAYS, 100)]


def test_a_job_stays_small_however_many_came(after):
    assert len(after(3 * MOST).tell()) == MOST


def test_nobody_is_told_of_before_anybody_came():
    assert Neighbourhood().tell() == ()
