"""Runs cases through promtool: which alerts fire at which minute, for given series."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[3] / "dashboards" / "prometheus" / "rules.yml"
DEADLINE_S = 120.0
#: Labels that a series has if the case does not say otherwise.
_TARGET = 'job="netra-backend", instance="a"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One story about one alert."""

    alert: str
    name: str  #: what happens, as a sentence
    series: Mapping[str, str]  #: promtool's notation, a value a minute; job and instance are added if a series names neither
    fires: Mapping[int, Sequence[str]] = field(default_factory=dict)  #: minute -> the labels of each alert, besides its name
    silent: Sequence[int] = ()  #: minutes at which the alert does not fire
    every: int = 1  #: minutes between two evaluations; the same for all cases of an alert


def rules_of(alert: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules that the alert needs, as rules of their own: promtool evaluates each rule at each step of each case."""
    found = [rule for group in document["groups"] for rule in group["rules"]]
    (wanted,) = (rule for rule in found if rule.get("alert") == alert)
    records = [rule for rule in found if "record" in rule and rule["record"] in wanted["expr"]]
    return {"groups": [{"name": "migration", "rules": [*records, wanted]}]}


def checked(cases: Sequence[Case], folder: Path, rules: Mapping[str, Any] | None = None) -> tuple[bool, str]:
    """Return whether all is as the cases say, and what promtool says.

    Args:
        cases: the cases.
        folder: an empty folder for promtool's files.
        rules: the rules; None: the committed ones.
    """
    text = RULES.read_text(encoding="utf-8") if rules is None else yaml.safe_dump(rules, sort_keys=False)
    (folder / "rules.yml").write_text(text, encoding="utf-8")
    document = {"rule_files": ["rules.yml"], "evaluation_interval": f"{cases[0].every}m", "tests": [_test(case) for case in cases]}
    (folder / "test.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    return done.returncode == 0, done.stdout + done.stderr


def _test(case: Case) -> dict[str, Any]:
    which = f'alertname="{case.alert}", ' if case.alert else ""
    asked = f'ALERTS{{{which}alertstate="firing"}}'
    wanted: dict[int, Sequence[str]] = dict.fromkeys(case.silent, ()) | dict(case.fires)
    return {
        "name": f"{case.alert}: {case.name}",
        "interval": "1m",
        "input_series": [{"series": _targeted(series), "values": values} for series, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": asked,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": f'ALERTS{{{which}alertstate="firing", {labels}}}', "value": 1} for labels in alerts],
            }
            for minute, alerts in sorted(wanted.items())
        ],
    }


def _targeted(series: str) -> str:
    if "instance=" in series:
        return series
    name, _, labels = series.removesuffix("}").partition("{")
    return f"{name}{{{', '.join(part for part in (labels, _TARGET) if part)}}}"
