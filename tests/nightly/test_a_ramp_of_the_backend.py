"""Netra's own backend goes along a ramp, with its tool calls: two `netra serve` of two workers each, a controller, Redis and PostgreSQL.

`tests/migration/integration/test_a_ramp.py` does the same with a small shop, and goes on to the removal.
"""

import re
import time
from contextlib import suppress
from pathlib import Path

import httpx
import jwt
import pytest

from migration.history import OF_RAMPS
from tests.integration import postgres_server
from tests.migration.integration.ramping import SHOP, TENANTS, Shop
from tests.migration.servers.redis import RedisServer
from tests.nightly.engines_at_first import LEAKS, LOSES

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-the-tests-0123456789ab"
FINE = "gpt-4o"
BREACH_S = 2.0

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not postgres_server.installed(), reason=postgres_server.MISSING),
    pytest.mark.skipif(not RedisServer.installed(), reason="needs Redis: apt-get install redis-server"),
]


class Netra(Shop):
    """The backend of this repository, and the users of its tools."""

    surface = "tools"

    def __init__(self, home: Path, redis: str, postgres: str) -> None:
        super().__init__(home, redis, postgres)
        self.code = ROOT
        own = {"PROJECT": ROOT / "pyproject.toml", "LEDGER_DIR": ROOT / "ledger", "IMPORT_PATH": f'["{ROOT}"]'}
        self.environment |= {f"NETRA_MIGRATION_{name}": str(value) for name, value in own.items()}
        self.environment |= {"NETRA_HOME": str(self.state), "NETRA_DATABASE_URL": postgres, "NETRA_JWT_SECRET": SECRET}
        self.ramp = home / "ramp.toml"
        self.ramp.write_text(
            (SHOP / "ramp.toml").read_text().replace("least-tenants = 4", "least-tenants = 2")
        )  # half of eight may be three
        self.environment |= {"NETRA_RATE_LIMIT_PER_MINUTE": "600000", "NETRA_RATE_LIMIT_BURST": "100000"}

    def build(self, name: str, engines: str | None = None) -> None:
        """Deploy a build with these engines of shadows; None: the backend's own."""
        self.environment["NETRA_MIGRATION_BUILD"] = name
        self.environment.pop("NETRA_MIGRATION_ENGINES", None)
        if engines is not None:
            self.environment["NETRA_MIGRATION_ENGINES"] = engines
        self.renew()

    def ask(self, tenant: str, product: str) -> str:
        now = int(time.time())
        claims = {"iss": "netra", "aud": "netra-chat", "sub": "ann", "tenant": tenant, "iat": now, "exp": now + 3600}
        self._asked += 1
        reply = self._http.post(
            f"{self.addresses[self._asked % 2]}/api/tools/price_lookup",
            json={"arguments": {"model": product}},
            headers={"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"},
        )
        return reply.raise_for_status().text

    def _served(self, port: int) -> tuple[str, ...]:
        return ("netra", "serve", "--port", str(port), "--workers", "2")

    def _answers(self, address: str) -> bool:
        with suppress(httpx.HTTPError):
            return self._http.get(f"{address}/ready").is_success
        return False


@pytest.fixture(scope="module")
def netra(tmp_path_factory):
    home = tmp_path_factory.mktemp("ramp")
    (home / "redis").mkdir()
    redis = RedisServer(home / "redis").start()
    with postgres_server.running() as postgres:
        netra = Netra(home, redis.url, postgres)
        try:
            play(netra)
            yield netra
        finally:
            netra.close()
            redis.kill()


def play(netra: Netra) -> None:
    for surface in ("chat", "oneshot", "batch", "tools"):
        netra.operate("stage", "set", surface, "off", "--all", "--yes")
    netra.run("netra", "seed", *(part for tenant in TENANTS for part in ("--tenant", tenant)))
    netra.control()
    netra.build("1", "tests.nightly.engines_at_first:engines")
    netra.operate("backfill", "tools")  # the stages from `shadow` on need it; nobody calls a tool before `dualwrite`
    netra.operate("rollout", "start", "tools", "--ramp", str(netra.ramp), "--reason", "the candidate is written")
    netra.comes_to(at="shadow 100 %")
    netra.holds("Nothing was looked at: no run was compared.")
    netra.sell((FINE,))
    netra.breach(TENANTS[3], LEAKS)
    netra.operate("rollout", "resume", "tools", "--reason", f"nobody asks for {LEAKS} until it is mended")
    netra.comes_to(at="shadow 100 %")
    with netra.busy(FINE, LOSES):
        netra.comes_to(state="rolled back")
    netra.build("2")
    netra.operate("rollout", "resume", "tools", "--reason", "both are mended")
    with netra.busy(FINE, LOSES, LEAKS):
        netra.comes_to(at="live 100 %")
        netra.holds("It waits for 1 approval.")
        netra.operate("rollout", "approve", "tools", "--reason", "looked at the dashboard")
        netra.comes_to(state="complete")


def test_the_history_tells_the_story_in_sentences(netra):
    told = [one.what.partition(";")[0] for one in netra.history() if one.kind in OF_RAMPS and "holds" not in one.what]
    assert told == [
        f"tools: its ramp {netra.ramp} was started",
        "tools: promoted to dualwrite 100 %",
        "tools: promoted to shadow 100 %",
        "tools: rolled back to dualwrite 100 %",
        "tools: its ramp was resumed at dualwrite 100 %",
        "tools: promoted to shadow 100 %",
        "tools: rolled back to dualwrite 100 %",
        "tools: its ramp was resumed at dualwrite 100 %",
        "tools: promoted to shadow 100 %",
        "tools: promoted to live 50 %",
        "tools: promoted to live 100 %",
        "tools: leaving live 100 % was approved, by ann as root",
        "tools: promoted to rampdown 100 %",
        "tools: promoted to complete 100 %",
        "tools: the ramp has reached its last step, complete 100 %",
    ]


def test_each_rollback_says_what_was_found(netra):
    breach, regression = [one.why for one in netra.history() if "rolled back" in one.what]
    assert breach == "1 comparison found somebody else's data."
    assert re.search(r"All runs: more than 15\.00% of the runs of these tenants diverge; \d+ of \d+ do\.", regression)


def test_a_breach_is_rolled_back_within_two_seconds(netra):
    assert netra.took_s < BREACH_S


def test_the_removal_of_control_waits_for_the_processes_that_have_it(netra):
    checked = netra.run("netra-migration", "removal", "check", "tools", "--json", code=1)
    assert re.search(r'"processes"', checked)
    assert "server" in checked
