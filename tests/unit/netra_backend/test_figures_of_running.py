"""What docs/running.md says of limits is what holds."""

from pathlib import Path

import pytest

from netra_backend.app import protocols, server
from netra_backend.app.api import callers
from netra_backend.app.api.gateway import ChatLimits
from netra_backend.app.config import Settings
from netra_backend.app.services import sqlite_files

RUNNING = " ".join((Path(__file__).parents[3] / "docs" / "running.md").read_text(encoding="utf-8").split())
SET = {name: field.default for name, field in Settings.model_fields.items()}


@pytest.mark.parametrize(
    "sentence",
    [
        f"After `NETRA_DRAIN_S` ({SET['drain_s']:g} s by default) the remaining runs are cut",
        f"does not send the whole head of a request within {protocols.HEAD_S:g} s is closed",
        f"more than {protocols.SILENT} connections have an incomplete head",
        f"A body must arrive within {callers._BODY_S:g} s.",
        f"without a run is closed after {ChatLimits().idle_timeout_s / 60:g} minutes",
        f"a write waits {sqlite_files.BUSY_MS / 1000:g} s; then",
        f"tokens are accepted `NETRA_JWT_LEEWAY_S` ({SET['jwt_leeway_s']:g} s) before and after",
    ],
)
def test_running_says_what_holds(sentence: str) -> None:
    assert sentence in RUNNING


def test_what_follows_the_drain_takes_less_than_operators_are_told_to_give() -> None:
    assert "Kill the process only after `NETRA_DRAIN_S` and 30 s more" in RUNNING
    assert server.CUT_S + server._FAREWELL_S + server.CLOSE_S < 30
