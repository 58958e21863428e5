"""Netra's own backend goes along a ramp, with real processes: a breach and a regression are rolled back, and their fix is promoted.

`tests/migration/integration/test_a_ramp.py` does the same with a small shop, and goes on to the removal.
"""

import re

import pytest

from migration.history import OF_RAMPS
from tests.integration import postgres_server
from tests.migration.integration.ramping import TENANTS
from tests.migration.servers.redis import RedisServer
from tests.nightly.engines_at_first import LEAKS, LOSES
from tests.nightly.ramped_backend import Netra

FINE = "gpt-4o"
BREACH_S = 2.0

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not postgres_server.installed(), reason=postgres_server.MISSING),
    pytest.mark.skipif(not RedisServer.installed(), reason="needs Redis: apt-get install redis-server"),
]


@pytest.fixture(scope="module", params=["tools", "oneshot", "chat"])
def netra(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("ramp")
    (home / "redis").mkdir()
    redis = RedisServer(home / "redis").start()
    with postgres_server.running() as postgres:
        netra = Netra(home, redis.url, postgres, request.param)
        try:
            play(netra)
            yield netra
        finally:
            netra.close()
            redis.kill()


def play(netra: Netra) -> None:
    surface = netra.surface
    netra.prepare()
    netra.control()
    netra.build("1", "tests.nightly.engines_at_first:engines")
    netra.operate("backfill", surface)  # the stages from `shadow` on need it; nobody asks before `dualwrite`
    netra.operate("rollout", "start", surface, "--ramp", str(netra.ramp), "--reason", "the candidate is written")
    netra.comes_to(at="shadow 100 %")
    netra.holds("Nothing was looked at: no run was compared.")
    netra.sell((FINE,))
    netra.breach(TENANTS[3], LEAKS)
    netra.operate("rollout", "resume", surface, "--reason", f"nobody asks for {LEAKS} until it is mended")
    netra.comes_to(at="shadow 100 %")
    with netra.busy(FINE, LOSES):
        netra.comes_to(state="rolled back")
    netra.build("2")
    netra.operate("rollout", "resume", surface, "--reason", "both are mended")
    with netra.busy(FINE, LOSES, LEAKS):
        netra.comes_to(at="live 100 %")
        netra.holds("It waits for 1 approval.")
        netra.operate("rollout", "approve", surface, "--reason", "looked at the dashboard")
        netra.comes_to(state="complete")


def test_the_history_tells_the_story_in_sentences(netra):
    told = [one.what.partition(";")[0] for one in netra.history() if one.kind in OF_RAMPS and "holds" not in one.what]
    assert told == [
        f"{netra.surface}: {said}"
        for said in (
            f"its ramp {netra.ramp} was started",
            "promoted to dualwrite 100 %",
            "promoted to shadow 100 %",
            "rolled back to dualwrite 100 %",
            "its ramp was resumed at dualwrite 100 %",
            "promoted to shadow 100 %",
            "rolled back to dualwrite 100 %",
            "its ramp was resumed at dualwrite 100 %",
            "promoted to shadow 100 %",
            "promoted to live 50 %",
            "promoted to live 100 %",
            "leaving live 100 % was approved, by ann as root",
            "promoted to rampdown 100 %",
            "promoted to complete 100 %",
            "the ramp has reached its last step, complete 100 %",
        )
    ]


def test_each_rollback_says_what_was_found(netra):
    breach, regression = [one.why for one in netra.history() if "rolled back" in one.what]
    assert breach == "1 comparison found somebody else's data."
    assert re.search(r"All runs: more than 15\.00% of the runs of these tenants diverge; \d+ of \d+ do\.", regression)


def test_a_breach_is_rolled_back_within_two_seconds(netra):
    assert netra.took_s < BREACH_S


def test_the_removal_of_control_waits_for_the_processes_that_have_it(netra):
    checked = netra.run("netra-migration", "removal", "check", netra.surface, "--json", code=1)
    assert re.search(r'"processes"', checked)
    assert "server" in checked
