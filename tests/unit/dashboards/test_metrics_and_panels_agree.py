"""A dashboard cannot ask for what the backend does not expose, and the backend exposes nothing that nobody looks at."""

import re
from typing import get_args

import pytest

from dashboards.promql import DIVERGENT_BUDGET, DIVERGENT_LIMIT, DIVERGENT_SHARE
from migration.flags.decision import Reason
from migration.history import Kind
from migration.model import DivergenceKind, Origin, Outcome, Severity, Stage, Verdict
from migration.processes.row import Role
from migration.rollout.gate_rules import What
from migration.rollout.store import State
from migration.shadow.job import FailReason, ShedReason
from migration.telemetry.metrics import MODES, ROLES

#: Metrics that no panel shows, each with its reason. It may only shrink.
UNSEEN: dict[str, str] = {}

#: Panels over all surfaces although their metric knows surfaces, each with its reason.
WITHOUT_SURFACE = {
    "rollout/Shadows unaccounted for": "the waiting jobs that belong to the sum know no surface",
    "fleet/Deaths and releases": "processes and releases belong to all surfaces",
}

VALUES = {
    "stage": {stage.value for stage in Stage},
    "origin": {origin.value for origin in Origin},
    "outcome": set(get_args(Outcome)),
    "verdict": {verdict.value for verdict in Verdict},
    "kind": {*get_args(DivergenceKind), *get_args(Kind)},
    "severity": set(get_args(Severity)),
    "reason": {*get_args(Reason), *get_args(ShedReason), *get_args(FailReason)},
    "role": {*ROLES, *get_args(Role)},
    "state": {"live", "silent", "lost", *(state.replace(" ", "_") for state in get_args(State))},
    "decision": {what.replace(" ", "_") for what in get_args(What)},
    "mode": set(MODES),
}


def test_every_metric_that_is_asked_for_is_exposed_or_recorded(expressions, exposed, recorded):
    asked = {(expression.where, metric) for expression in expressions for metric in expression.metrics}

    assert {(where, metric) for where, metric in asked if metric not in exposed.keys() | recorded} == set()


def test_every_exposed_metric_is_on_a_panel(panel_expressions, exposed):
    seen = frozenset[str]().union(*(expression.metrics for expression in panel_expressions))
    unseen = {name for name in exposed if not name.endswith(("_sum", "_count")) and name not in seen}
    assert {name for name in exposed if name.startswith("migration_tenant_run_seconds")} <= seen  # a summary has only these two

    assert unseen == UNSEEN.keys()


def test_every_label_that_is_asked_for_belongs_to_a_metric_of_the_expression(expressions, exposed, recorded):
    unknown = []
    for expression in expressions:
        known = frozenset[str]().union(*(exposed.get(metric, frozenset({"surface"})) for metric in expression.metrics))
        asked = {label for label, _ in expression.matchers} | expression.groupings
        unknown += [(expression.where, label) for label in asked - known - {"job", "instance", "alertname", "alertstate"}]

    assert unknown == []


@pytest.mark.parametrize("label", VALUES)
def test_every_label_value_that_is_asked_for_can_occur(expressions, label):
    asked = {value for expression in expressions for name, value in expression.matchers if name == label}

    assert asked <= VALUES[label]


def test_every_panel_obeys_the_choice_of_surfaces(panel_expressions, exposed):
    disobedient = set()
    for expression in panel_expressions:
        for metric in expression.metrics:
            by_surface = "surface" in exposed.get(metric, frozenset({"surface"}))
            selectors = re.findall(rf"{metric}\b(\{{[^}}]*\}})?", expression.text)
            if by_surface and any('surface=~"$surface"' not in selector for selector in selectors):
                disobedient.add(expression.where)

    assert disobedient == WITHOUT_SURFACE.keys()


def test_the_panels_draw_the_limit_that_the_alert_has(rules):
    (alert,) = (rule for rule in rules if rule.get("alert") == "MigrationDivergent")

    assert f"{DIVERGENT_SHARE} > {DIVERGENT_LIMIT}\n" in alert["expr"]
    (slow,) = (rule for rule in rules if rule.get("alert") == "MigrationDivergentSlowly")
    assert f"> {DIVERGENT_BUDGET}\n" in slow["expr"]
