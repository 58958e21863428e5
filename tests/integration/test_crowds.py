"""Chats that run beside each other on an engine without shared state differ from nothing when each is replayed alone."""

from migration.model import Verdict
from tests.integration.crowds import AT_ONCE, verdicts


def test_fifty_chats_at_once_on_an_engine_without_shared_state_show_no_divergence() -> None:
    counted, told = verdicts(2 * AT_ONCE)

    assert (dict(counted), told) == ({Verdict.MATCH: 2 * AT_ONCE}, [])
