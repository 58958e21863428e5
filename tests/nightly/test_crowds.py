"""Ten thousand chats, fifty at once, on an engine without shared state: none differs from its own replay."""

import pytest

from migration.model import Verdict
from tests.integration.crowds import verdicts

CHATS = 10_000


@pytest.mark.timeout(1200)
def test_ten_thousand_chats_beside_each_other_show_no_divergence() -> None:
    counted, told = verdicts(CHATS)

    assert (dict(counted), told) == ({Verdict.MATCH: CHATS}, [])
