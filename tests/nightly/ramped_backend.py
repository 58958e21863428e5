"""Netra's own backend as its operators ramp it: two `netra serve` of two workers each, a controller, Redis and PostgreSQL."""

import json
from contextlib import suppress
from pathlib import Path

import httpx
from websockets.sync.client import connect

from tests.migration.integration.ramping import SHOP, TENANTS, Shop
from tests.nightly.load_of_users import PATIENCE_S, SECRET, token

ROOT = Path(__file__).parents[2]
SURFACES = ("chat", "oneshot", "batch", "tools")


class Netra(Shop):
    """The backend of this repository, and the users of one of its surfaces.

    Args:
        home: a folder of its own.
        redis: URL of the Redis that holds the flags.
        postgres: SQLAlchemy URL of the evidence and of the backend's own database.
        surface: its name.
    """

    def __init__(self, home: Path, redis: str, postgres: str, surface: str) -> None:
        super().__init__(home, redis, postgres)
        self.surface, self.code = surface, ROOT
        # One agent object of control serves all users, so concurrent runs of `chat` and `oneshot` receive each other's steps
        # (docs/migration/divergences.md). Here they would hide the candidate's own differences.
        self.at_once = 8 if surface == "tools" else 1
        own = {"PROJECT": ROOT / "pyproject.toml", "LEDGER_DIR": ROOT / "ledger", "IMPORT_PATH": f'["{ROOT}"]'}
        self.environment |= {f"NETRA_MIGRATION_{name}": str(value) for name, value in own.items()}
        self.environment |= {"NETRA_HOME": str(self.state), "NETRA_DATABASE_URL": postgres, "NETRA_JWT_SECRET": SECRET}
        self.environment |= {"NETRA_RATE_LIMIT_PER_MINUTE": "600000", "NETRA_RATE_LIMIT_BURST": "100000"}
        self.ramp = home / "ramp.toml"
        # Half of eight tenants may be three.
        self.ramp.write_text((SHOP / "ramp.toml").read_text().replace("least-tenants = 4", "least-tenants = 2"))

    def prepare(self) -> None:
        """Set every surface to `off`, and store the tenants' usage."""
        for surface in SURFACES:
            self.operate("stage", "set", surface, "off", "--all", "--yes")
        self.run("netra", "seed", *(part for tenant in TENANTS for part in ("--tenant", tenant)))

    def build(self, name: str, engines: str | None = None) -> None:
        """Deploy a build with these engines of shadows; None: the backend's own."""
        self.environment["NETRA_MIGRATION_BUILD"] = name
        self.environment.pop("NETRA_MIGRATION_ENGINES", None)
        if engines is not None:
            self.environment["NETRA_MIGRATION_ENGINES"] = engines
        self.renew()

    def ask(self, tenant: str, product: str) -> str:
        """Return the surface's answer to the question about a model."""
        self._asked += 1
        address, headers = self.addresses[self._asked % 2], {"Authorization": f"Bearer {token('ann', tenant)}"}
        question = f"What did {product} cost? It is question {self._asked}."  # control's cache answers a repeated one
        if self.surface == "chat":
            return _chat(address, headers, question)
        path, body = {
            "oneshot": ("/api/agents/data/run", {"message": question}),
            "tools": ("/api/tools/price_lookup", {"arguments": {"model": product}}),
        }[self.surface]
        return self._http.post(f"{address}{path}", json=body, headers=headers).raise_for_status().text

    def _served(self, port: int) -> tuple[str, ...]:
        return ("netra", "serve", "--port", str(port), "--workers", "2")

    def _answers(self, address: str) -> bool:
        with suppress(httpx.HTTPError):
            return self._http.get(f"{address}/ready").is_success
        return False


def _chat(address: str, headers: dict[str, str], message: str) -> str:
    url = f"{address.replace('http', 'ws')}/ws/chat"
    with connect(url, proxy=None, additional_headers=headers, open_timeout=PATIENCE_S, close_timeout=PATIENCE_S) as socket:
        socket.send(json.dumps({"type": "chat", "message": message, "agent": "data"}))
        texts = iter(lambda: socket.recv(PATIENCE_S, decode=True), None)
        text = next(text for text in texts if json.loads(text)["type"] in {"run_finished", "error"})
    assert json.loads(text)["type"] == "run_finished", text
    return text
