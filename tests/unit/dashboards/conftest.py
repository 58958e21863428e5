"""What the committed dashboards and rules say, and what the backend's `Metrics` expose."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from migration.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[3] / "dashboards"
_SUFFIXES: Mapping[str, Sequence[str]] = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("_sum", "_count"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """PromQL, and where it stands."""

    where: str
    text: str

    @property
    def metrics(self) -> frozenset[str]:
        """Names of metrics, recorded ones included."""
        return frozenset(re.findall(r"[a-z_]*:?migration_[a-z_]+(?::[a-z0-9_]+)?", self.text))

    @property
    def matchers(self) -> Sequence[tuple[str, str]]:
        """(label, wanted value): one for each alternative."""
        found = re.findall(r'(\w+)\s*(?:=~|!=|=)\s*"([^"]*)"', self.text)
        return [(label, value) for label, values in found for value in values.split("|")]

    @property
    def groupings(self) -> frozenset[str]:
        """Labels of `by` clauses."""
        return frozenset(label.strip() for group in re.findall(r"\bby \(([^)]*)\)", self.text) for label in group.split(","))


@pytest.fixture(scope="session")
def boards() -> Mapping[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "grafana").glob("*.json"))}


@pytest.fixture(scope="session")
def panels(boards: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    """(where, panel) of every panel that asks something: headings and texts do not."""
    asking = [(name, panel) for name, board in boards.items() for panel in board["panels"] if panel["type"] not in {"row", "text"}]
    return [(f"{name}/{panel['title']}", panel) for name, panel in asking]


@pytest.fixture(scope="session")
def rules() -> Sequence[Mapping[str, Any]]:
    document = yaml.safe_load((ROOT / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.fixture(scope="session")
def panel_expressions(panels: Sequence[tuple[str, Any]]) -> Sequence[Expression]:
    return [Expression(where=where, text=target["expr"]) for where, panel in panels for target in panel["targets"]]


@pytest.fixture(scope="session")
def expressions(
    panel_expressions: Sequence[Expression], rules: Sequence[Mapping[str, Any]], boards: Mapping[str, Any]
) -> Sequence[Expression]:
    """Of panels, marks, variables and rules."""
    marks = [
        Expression(where=f"{name}/{mark['name']}", text=mark["target"]["expr"])
        for name, board in boards.items()
        for mark in board["annotations"]["list"]
    ]
    choices = [
        Expression(where=f"{name}/${choice['name']}", text=choice["definition"])
        for name, board in boards.items()
        for choice in board["templating"]["list"]
        if choice["type"] == "query"
    ]
    return [
        *panel_expressions,
        *marks,
        *choices,
        *(Expression(where=rule.get("alert", rule.get("record", "")), text=rule["expr"]) for rule in rules),
    ]


@pytest.fixture(scope="session")
def exposed() -> Mapping[str, frozenset[str]]:
    """Sample names of the backend's metrics, each with its labels."""
    wrappers = [value for value in vars(Metrics(registry=CollectorRegistry())).values() if isinstance(value, MetricWrapperBase)]
    return {
        f"{wrapper._name}{suffix}": frozenset(wrapper._labelnames) | ({"le"} if suffix == "_bucket" else set())
        for wrapper in wrappers
        for suffix in _SUFFIXES[wrapper._type]
    }


@pytest.fixture(scope="session")
def recorded(rules: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(rule["record"] for rule in rules if "record" in rule)
