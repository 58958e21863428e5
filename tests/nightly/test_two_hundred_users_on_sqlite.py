"""200 users at once on SQLite, on each surface: nobody is refused, and nothing is locked."""

from typing import Any

import pytest

from tests.nightly.load_of_users import SURFACES, measure


@pytest.mark.parametrize("stage", ["off", "dualwrite", "complete"])
@pytest.mark.parametrize("surface", SURFACES)
def test_of_two_hundred_users_at_once_none_is_refused(surface: str, stage: str) -> None:
    found: dict[str, Any] = measure(surface, 200, 3, stage=stage)
    assert (found["ends"], found["locked"], found["log_errors"]) == ({"completed": 600}, 0, 0)
