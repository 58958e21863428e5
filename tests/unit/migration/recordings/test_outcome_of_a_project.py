"""The project that a caller names says how a recording ended, wherever the process stands."""

import json

from migration.recordings import read_line

POLICY = """surface = "shop"
version = 1
[envelope]
[[endings]]
outcome = "failed"
last = { kind = "done", field = "status", equals = "error" }
"""


def line() -> bytes:
    request = {"surface": "shop", "tenant_id": "t", "user_id": "u", "thread_id": "h", "run_id": "r", "payload": {}, "received_at": 0.0}
    events = [{"kind": "done", "lane": "", "at_s": 0.1, "payload": {"status": "error"}}]
    return json.dumps({"schema": 1, "request": request, "journal": [], "origin": "control", "events": events}).encode()


def test_the_endings_of_the_named_project_decide(tmp_path):
    (tmp_path / "shop.toml").write_text(POLICY)
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.netra-migration.surfaces]\nshop = "shop.toml"\n')
    assert read_line(line(), project).outcome == "failed"


def test_a_project_without_the_surface_says_nothing(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text("[tool.netra-migration]\n")
    assert read_line(line(), project).outcome is None
