"""A surface goes from `off` to `complete` by its ramp, and on to its removal: everything is a real process, and customers ask all the time.

`tests/nightly/test_a_ramp_of_the_backend.py` does the same with Netra's own backend.
"""

import re

import pytest

from migration.history import OF_RAMPS
from tests.integration import postgres_server
from tests.migration.integration.ramping import SHOP, TENANTS, Shop
from tests.migration.servers.redis import RedisServer

NEW = (SHOP / "shop" / "new.py").read_text()
#: The new engine as it was written at first: it asks for `table` where a customer wants a `Table`, and a mirror shows another customer.
BAD = """
SEEN = []


class NewEngine:
    def __init__(self, complete, price):
        self._complete, self._price = complete, price

    async def answer(self, body):
        SEEN.append(body["tenant"])
        product = body["product"].lower()
        if product == "mirror":
            yield {"type": "word", "text": SEEN[0]}
        done = {"type": "done", "cost": await self._price(product)}
        async for word in self._complete(product):
            yield {"type": "word", "text": word}
        yield done
"""
#: A process that serves one customer on each of the days after the ramp.
SERVING = """
import asyncio, sitecustomize
from shop.migrating import answer, migration

async def main():
    async with migration.lifespan(None):
        for sitecustomize.days in (1, 2):
            [frame async for frame in answer({"product": "lamp", "tenant": "TENANT"})]

asyncio.run(main())
"""
DAYS = 2.0
BREACH_S = 2.0

pytestmark = [
    pytest.mark.timeout(600),  # all of it is played once, by the first test
    pytest.mark.skipif(not postgres_server.installed(), reason=postgres_server.MISSING),
    pytest.mark.skipif(not RedisServer.installed(), reason="needs Redis: apt-get install redis-server"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The shop when its ramp is complete and its servers have ended; `took_s` is how long the breach lasted."""
    home = tmp_path_factory.mktemp("ramp")
    (home / "redis").mkdir()
    redis = RedisServer(home / "redis").start()
    with postgres_server.running() as postgres:
        shop = Shop(home, redis.url, postgres)
        try:
            play(shop)
            yield shop
        finally:
            shop.close()
            redis.kill()


def play(shop: Shop) -> None:
    """Ramp: a breach, a regression, and its fix."""
    shop.operate("stage", "set", "shop", "off", "--all", "--yes")
    shop.control()
    shop.deploy(new=BAD)
    shop.operate("rollout", "start", "shop", "--reason", "the new engine is written")
    shop.comes_to(at="shadow 100 %")
    shop.holds("Nothing was looked at: no run was compared.")
    shop.sell()
    shop.breach(TENANTS[3], "mirror")
    shop.operate("rollout", "resume", "shop", "--reason", "no mirror is sold until it is mended")
    shop.comes_to(at="shadow 100 %")
    with shop.busy("lamp", "Table"):
        shop.comes_to(state="rolled back")
    shop.deploy(new=NEW)
    shop.operate("rollout", "resume", "shop", "--reason", "tables and mirrors are mended")
    with shop.busy("lamp", "Table", "mirror"):
        shop.comes_to(at="live 100 %")
        shop.holds("It waits for 1 approval.")
        shop.operate("rollout", "approve", "shop", "--reason", "looked at the dashboard")
        shop.comes_to(state="complete")
    shop.withdraw()


def test_the_history_tells_the_story_in_sentences(shop):
    told = [re.sub(r"; .*|\S+ramp.toml", "", one.what) for one in shop.history() if one.kind in OF_RAMPS and "holds" not in one.what]
    assert told == [
        "shop: its ramp  was started",
        "shop: promoted to dualwrite 100 %",
        "shop: promoted to shadow 100 %",
        "shop: rolled back to dualwrite 100 %",
        "shop: its ramp was resumed at dualwrite 100 %",
        "shop: promoted to shadow 100 %",
        "shop: rolled back to dualwrite 100 %",
        "shop: its ramp was resumed at dualwrite 100 %",
        "shop: promoted to shadow 100 %",
        "shop: promoted to live 50 %",
        "shop: promoted to live 100 %",
        "shop: leaving live 100 % was approved, by ann as root",
        "shop: promoted to rampdown 100 %",
        "shop: promoted to complete 100 %",
        "shop: the ramp has reached its last step, complete 100 %",
    ]


def test_a_held_step_says_what_it_waits_for(shop):
    held = [(one.what, one.why) for one in shop.history()]
    assert any(what == "shop: holds at shadow 100 %" and "Nothing was looked at: no run was compared." in why for what, why in held)
    assert any(what == "shop: holds at live 100 %" and "It waits for 1 approval." in why for what, why in held)


def test_each_rollback_says_what_was_found(shop):
    breach, regression = [one.why for one in shop.history() if "rolled back" in one.what]
    assert breach == "1 comparison found somebody else's data."
    assert re.search(r"All runs: more than 15\.00% of the runs of these tenants diverge; \d+ of \d+ do\.", regression)


def test_a_promotion_says_what_was_proved_about_the_new_build_alone(shop):
    (proved,) = [one for one in shop.history() if one.what.startswith("shop: promoted to live 50 %")]
    assert re.search(r"All runs: fewer than 15\.00% of the runs of these tenants diverge; 0 of \d+ do\.", proved.why)
    assert proved.seen.startswith("0 of ")


def test_a_breach_is_rolled_back_within_two_seconds(shop):
    assert shop.took_s < BREACH_S


def test_a_new_build_is_another_basis(shop):
    regression = next(one for one in shop.history() if "rolled back" in one.what and "All runs" in one.why)
    (proved,) = [one for one in shop.history() if one.what.startswith("shop: promoted to live 50 %")]
    assert proved.seen.rpartition(" ")[2] != regression.seen.rpartition(" ")[2]


def test_it_goes_on_to_the_removal_of_the_old_engine_and_of_the_migration(shop):
    shop.run("python", "-c", SERVING.replace("TENANT", TENANTS[0]))
    key = shop.home / "removal.pem"
    manifest = shop.code / "pyproject.toml"
    manifest.write_text(
        manifest.read_text().replace("PUBLIC KEY", shop.run("netra-migration", "removal", "key", "--out", str(key)).strip())
    )
    shop.git("init", "-q")
    shop.git("add", ".")
    shop.git("commit", "-qm", "The ramp is complete")
    checked = shop.run("netra-migration", "removal", "check", "shop", days=DAYS)
    assert "shop: ready" in checked
    shop.run("netra-migration", "removal", "certificate", "shop", "--key", str(key), days=DAYS)
    shop.run("netra-migration", "removal", "apply", "--all", "--certificate", "removal-certificate.json", "--write", days=DAYS)
    left = sorted(str(file.relative_to(shop.code)) for file in shop.code.rglob("*.py"))
    assert left == ["shop/app.py", "shop/new.py", "shop/outside.py", "shop/serving.py", "tests/answers.py"]
    assert "1 passed" in shop.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/answers.py")
