"""Whether the user store holds every run."""

import pytest

from migration.consolidation.removal.readiness.history import backfill
from migration.stores import Gap, Lag

GAP = Gap(surface="chat", tenant_id="acme", store="user", begun=1, ended=1, touched_at=1.0)


def lag(surface="chat", store="user", rows=0, parked=0):
    return Lag(surface=surface, store=store, rows=rows, oldest_s=0.0, parked=parked, error=None)


def ask(*, kept=True, verified=True, gaps=(), lags=()):
    return backfill(
        "chat",
        kept=kept,
        unproved=None if verified else "no backfill of it was verified yet",
        gaps={gap.tenant_id: gap for gap in gaps},
        lags=lags,
    )


@pytest.mark.parametrize(
    "answers", [{}, {"lags": [lag(store="legacy", rows=3), lag(surface="tools", rows=3)]}, {"kept": False, "verified": False}]
)
def test_a_verified_store_that_lacks_nothing_is_met(answers):
    assert ask(**answers).met


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"verified": False}, "no backfill of it was verified yet"),
        ({"gaps": [GAP]}, "may lack runs of acme"),
        ({"lags": [lag(rows=2)]}, "2 runs wait"),
        ({"lags": [lag(parked=1)]}, "1 runs wait"),
    ],
)
def test_whatever_it_may_lack_is_told_with_what_to_run(answers, said):
    found = ask(**answers)
    assert not found.met
    assert said in found.detail
    assert "netra-migration backfill chat" in found.detail
