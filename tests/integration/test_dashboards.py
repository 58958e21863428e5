"""A real Prometheus scrapes a real /metrics endpoint; every panel, mark, choice and rule is asked, before the first run and under load."""

import json
import math
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from dashboards.promql import DIVERGENT_SHARE
from migration.errors import Operation
from migration.flags.decision import Reason
from migration.model import DivergenceKind, Outcome, Severity, Verdict
from migration.shadow.job import FailReason, ShedReason
from migration.stages import PLANS
from migration.telemetry.metrics import OTHER_TENANT, Metrics

ROOT = Path(__file__).parents[2] / "dashboards"
DEADLINE_S = 30.0
SCRAPE_S = 1
#: what Grafana puts into a query
FILLED_IN = {"$__rate_interval": "10s", "$__range": "30s", "$surface": ".*", "$tenant": ".*"}

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="prometheus is not installed; as root on Debian, tests/servers.sh installs them",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query of a panel."""

    expr: str
    instant: bool  #: one point; else a line


def _queries() -> Iterator[Any]:
    for path in sorted((ROOT / "grafana").glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                asked = Asked(expr=target["expr"], instant=target.get("instant", False))
                yield pytest.param(asked, id=f"{path.stem}: {panel['title']} {target['refId']}")


def _choices() -> Iterator[Any]:
    for path in sorted((ROOT / "grafana").glob("*.json")):
        for choice in json.loads(path.read_text(encoding="utf-8"))["templating"]["list"]:
            if choice["type"] == "query":
                metric, label = choice["definition"].removeprefix("label_values(").removesuffix(")").split(", ")
                yield pytest.param(metric, label, id=f"{path.stem}: ${label}")


QUERIES = list(_queries())
CHOICES = list(_choices())
ZEROS = [query for query in QUERIES if " or on () " in query.values[0].expr]
RULES: Sequence[Mapping[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "prometheus" / "rules.yml").read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]


class PrometheusServer:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self._api = httpx.Client(base_url=url, timeout=5)
        self.idle_at = 0.0  #: Unix seconds: scraped, but nothing has run yet
        self.loaded_at = 0.0  #: Unix seconds: after several scrapes under load

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the `data` of an answer; fail the test with Prometheus' own words otherwise."""
        answer = self._api.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()["data"]

    def ask(self, asked: Asked, at: float) -> list[float]:
        """Return the newest value of each series, as Grafana would ask for it."""
        expr = asked.expr
        for name, value in FILLED_IN.items():
            expr = expr.replace(name, value)
        if asked.instant:
            return [float(series["value"][1]) for series in self.get("query", query=expr, time=at)["result"]]
        found = self.get("query_range", query=expr, start=at - 2 * SCRAPE_S, end=at, step=SCRAPE_S)["result"]
        return [float(series["values"][-1][1]) for series in found]

    def scrapes(self) -> int:
        """Return how often the backend was scraped well."""
        result = self.get("query", query='sum_over_time(up{job="netra-backend"}[1h])')["result"]
        return int(float(result[0]["value"][1])) if result else 0

    def ready(self) -> bool:
        """Tell whether it answers yet."""
        try:
            return self._api.get("/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._api.close()


def poll(what: str, until: Callable[[], bool]) -> None:
    """Ask again until it is so, or fail after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not until():
        assert time.monotonic() < deadline, f"after {DEADLINE_S} s still not: {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    metrics = Metrics(watch_tenants=["acme"], registry=CollectorRegistry(), surfaces=["chat", "tools"])
    metrics.flag_source_up.set(1)
    metrics.flag_source_age_seconds.set(0.2)
    for surface in ("chat", "tools"):
        metrics.flag_version.labels(surface).set(3)
        metrics.kill_switch.labels(surface).set(0)
        for stage in PLANS:
            metrics.stage_percent.labels(surface, stage.value).set(100 / len(PLANS))
    return metrics


@pytest.fixture(scope="module")
def backend_metrics_url(metrics: Metrics) -> Iterator[str]:
    """Address of a /metrics endpoint: here the metrics alone, over real HTTP."""
    server, thread = start_http_server(0, addr="127.0.0.1", registry=metrics.registry)
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def load(metrics: Metrics) -> Callable[[], None]:
    """One round of work that gives every label of every metric a sample."""

    def both() -> None:
        for surface in ("chat", "tools"):
            _round(metrics, surface)

    return both


def _round(metrics: Metrics, surface: str) -> None:
    for plan in PLANS.values():
        metrics.flag_decisions.labels(surface, plan.stage.value, get_args(Reason)[0]).inc()
        for outcome in get_args(Outcome):
            metrics.runs.labels(surface, plan.stage.value, plan.serves.value, outcome).inc()
        for histogram in (metrics.run_seconds, metrics.engine_seconds, metrics.first_event_seconds):
            histogram.labels(surface, plan.serves.value, "serving").observe(0.02)
            histogram.labels(surface, plan.serves.other.value, "shadowing").observe(0.01)
    for reason in get_args(Reason):
        metrics.flag_decisions.labels(surface, "off", reason).inc()
    _shadows(metrics, surface)
    for operation in get_args(Operation):
        metrics.failures.labels(operation).inc()


def _shadows(metrics: Metrics, surface: str) -> None:
    fates = len(Verdict) + len(get_args(ShedReason)) + len(get_args(FailReason))
    metrics.shadow_expected.labels(surface).inc(fates)
    for verdict in Verdict:
        metrics.shadow_compared.labels(surface).inc()
        metrics.shadow_lag_seconds.labels(surface).observe(0.3)
        metrics.comparisons.labels(surface, verdict.value).inc()
        for tenant in ("acme", OTHER_TENANT):
            metrics.tenant_comparisons.labels(surface, tenant, verdict.value).inc()
    for shed in get_args(ShedReason):
        metrics.shadow_shed.labels(surface, shed).inc()
    for failed in get_args(FailReason):
        metrics.shadow_failed.labels(surface, failed).inc()
    for kind in get_args(DivergenceKind):
        for severity in get_args(Severity):
            metrics.divergences.labels(surface, kind, severity, Verdict.DIVERGENT.value).inc()
    for mode in ("recorded", "replayed", "missing", "performed_by_shadow"):
        metrics.effects.labels(surface, mode).inc()


@contextmanager
def running_prometheus(folder: Path, target: str) -> Iterator[PrometheusServer]:
    """Start Prometheus on a free loopback port with the committed configuration, faster and aimed at the target; stop it by its process."""
    shutil.copy(ROOT / "prometheus" / "rules.yml", folder)
    configuration = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    configuration["global"] = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    address = httpx.URL(target)
    configuration["scrape_configs"][0] |= {
        "metrics_path": address.path,
        "static_configs": [{"targets": [f"{address.host}:{address.port}"]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = PrometheusServer(f"http://127.0.0.1:{port}")
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            poll("Prometheus is ready", lambda: process.poll() is not None or server.ready())
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
            yield server
        finally:
            server.close()
            process.terminate()
            try:
                process.wait(timeout=DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def prometheus(backend_metrics_url: str, load: Callable[[], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Prometheus after two scrapes of an idle backend and four of a busy one."""
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), backend_metrics_url) as server:
        poll("two scrapes of the idle backend", lambda: server.scrapes() >= 2)
        server.idle_at = time.time()
        wanted = server.scrapes() + 4

        def busy() -> bool:
            load()
            return server.scrapes() >= wanted

        poll("four scrapes under load", busy)
        server.loaded_at = time.time()
        yield server


@pytest.mark.parametrize("asked", QUERIES)
def test_every_panel_shows_a_number_under_load(prometheus, asked):
    values = prometheus.ask(asked, prometheus.loaded_at)

    assert any(math.isfinite(value) for value in values), asked.expr


@pytest.mark.parametrize("asked", QUERIES)
def test_no_panel_divides_by_nothing(prometheus, asked):
    values = prometheus.ask(asked, prometheus.idle_at) + prometheus.ask(asked, prometheus.loaded_at)

    assert [value for value in values if math.isnan(value)] == []


@pytest.mark.parametrize("asked", ZEROS)
def test_counts_are_zero_before_the_first_run(prometheus, asked):
    values = prometheus.ask(asked, prometheus.idle_at)

    assert values
    assert set(values) == {0.0}


@pytest.mark.parametrize("asked", QUERIES)
def test_no_panel_shows_a_zero_where_no_backend_was_scraped(prometheus, asked):
    assert prometheus.ask(asked, prometheus.idle_at - 3600) == []


@pytest.mark.parametrize(("metric", "label"), CHOICES)
def test_every_variable_has_values_to_choose_from(prometheus, metric, label):
    assert prometheus.get(f"label/{label}/values", **{"match[]": metric})


def test_every_rule_is_evaluated_without_error(prometheus):
    evaluated = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    assert {(rule["name"], rule["health"], rule.get("lastError", "")) for rule in evaluated} == {
        (rule.get("alert", rule.get("record")), "ok", "") for rule in RULES
    }


def test_the_recorded_share_has_a_value_under_load(prometheus):
    values = prometheus.ask(Asked(expr=DIVERGENT_SHARE, instant=True), prometheus.loaded_at)

    assert values
    assert all(0 <= value <= 1 for value in values)
