"""promtool checks the committed configuration and rules, runs the rules' unit tests, and asks the panels about a quiet backend."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2] / "dashboards"
DEADLINE_S = 30.0

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        shutil.which("promtool") is None,
        reason="promtool is not installed; as root on Debian, tests/servers.sh installs it with prometheus",
    ),
]


def quantiles() -> Iterator[str]:
    """Every query of a panel that computes a quantile."""
    for path in sorted((ROOT / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            yield from (target["expr"] for target in panel.get("targets", ()) if "histogram_quantile" in target["expr"])


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run promtool in the folder to its end."""
    return subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=DEADLINE_S)


@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yml"), ("check", "rules", "--lint-fatal", "rules.yml"), ("test", "rules", "rules.test.yml")],
    ids=" ".join,
)
def test_promtool_has_no_complaint(arguments):
    done = subprocess.run(
        ["promtool", *arguments], cwd=ROOT / "prometheus", capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_backend_where_nothing_happens_any_more_has_no_quantiles(tmp_path):
    expressions = sorted(set(quantiles()))
    seconds = re.findall(r"migration_\w+_seconds_bucket", " ".join(expressions))
    quiet = [
        {"series": f'{name}{{surface="chat", origin="control", role="serving", le="{le}"}}', "values": "7x20"}
        for name in sorted(set(seconds))
        for le in ("0.1", "+Inf")
    ]
    asked = [
        {"expr": expr.replace("$surface", ".*").replace("$__rate_interval", "5m"), "eval_time": "15m", "exp_samples": []}
        for expr in expressions
    ]
    test = {"evaluation_interval": "1m", "tests": [{"interval": "1m", "input_series": quiet, "promql_expr_test": asked}]}
    (tmp_path / "quiet.yml").write_text(yaml.safe_dump(test), encoding="utf-8")

    done = promtool("test", "rules", "quiet.yml", folder=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed; Debian's package prometheus-alertmanager has it")
def test_amtool_has_no_complaint():
    command = ["amtool", "check-config", "alertmanager.yml"]
    done = subprocess.run(command, cwd=ROOT / "prometheus", capture_output=True, text=True, check=False, timeout=DEADLINE_S)

    assert done.returncode == 0, done.stdout + done.stderr
