"""The text of each Grafana dashboard. `make docs` writes them to `dashboards/grafana`."""

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import divergence, engines, fleet, removal, rollout, tenant

FOLDER: Final = Path(__file__).parent / "grafana"
BOARDS: Final = {
    "rollout.json": rollout.DASHBOARD,
    "divergence.json": divergence.DASHBOARD,
    "engines.json": engines.DASHBOARD,
    "tenant.json": tenant.DASHBOARD,
    "fleet.json": fleet.DASHBOARD,
    "removal.json": removal.DASHBOARD,
}


def text(name: str) -> str:
    """Return the text of that file in `dashboards/grafana`. It is the same on every machine and in every run."""
    return json.dumps(BOARDS[name].build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
