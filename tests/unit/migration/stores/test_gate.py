"""Whose history allows them to enter a stage."""

import pytest

from migration.errors import HistoryMissingError
from migration.model import Stage
from migration.stores.gate import NEEDED, check_history


class Coverage:
    """What is known: the stores that were verified, and the tenants of whom each lacks runs."""

    def __init__(self, verified=("legacy", "user"), gaps=()):
        self._verified, self._gaps = verified, dict(gaps)

    def unproved_now(self, _surface, store):
        return None if store in self._verified else "no backfill of it was verified yet"

    def gaps_now(self, _surface, store):
        return self._gaps.get(store, ())


def check(stage, coverage, *, before=Stage.DUALWRITE):
    check_history("chat", [stage], lambda _tenant: before, lambda _tenant: stage, coverage)


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_needs_the_stores_that_it_reads(stage):
    check(stage, Coverage())
    for store in NEEDED[stage]:
        with pytest.raises(HistoryMissingError, match=rf"no backfill of it was verified yet; run .* --to {store}` first"):
            check(stage, Coverage(verified={"legacy", "user"} - {store}))


def test_a_tenant_whose_runs_a_store_lacks_may_not_move_there():
    with pytest.raises(HistoryMissingError, match="it lacks runs of acme"):
        check(Stage.SHADOW, Coverage(gaps={"user": ["acme"]}))


def test_a_tenant_that_is_there_already_does_not_move():
    check(Stage.SHADOW, Coverage(gaps={"user": ["acme"]}), before=Stage.SHADOW)


def test_of_many_tenants_a_few_are_named():
    with pytest.raises(HistoryMissingError, match="t0, t1, t2, t3, t4 and 3 more"):
        check(Stage.SHADOW, Coverage(gaps={"user": [f"t{number}" for number in range(8)]}))


def test_a_gap_in_a_store_that_the_stage_does_not_read_is_no_obstacle():
    check(Stage.LIVE, Coverage(verified=["user"], gaps={"legacy": ["acme"]}))
