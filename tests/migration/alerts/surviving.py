"""Finds the changes of rules that no case notices."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.migration.alerts.cases import CASES
from tests.migration.alerts.checked import RULES, checked, rules_of
from tests.migration.alerts.mutants import mutants

Mutant = tuple[str, str, dict[str, Any]]
"""The alert, what was changed, and its rules with this change."""


def all_mutants() -> list[Mutant]:
    """Return each change of each alert, and of each recording rule that the alert reads."""
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    alerts = [rule["alert"] for group in document["groups"] for rule in group["rules"] if "alert" in rule]
    return [one for alert in alerts for one in _of(alert, rules_of(alert, document)["groups"][0]["rules"])]


def _of(alert: str, rules: Sequence[dict[str, Any]]) -> Iterator[Mutant]:
    for index, rule in enumerate(rules):
        for what, changed in mutants(rule):
            document = {"groups": [{"name": "migration", "rules": [*rules[:index], changed, *rules[index + 1 :]]}]}
            yield alert, f"{rule.get('record', alert)}: {what}", document


def surviving(chosen: Sequence[Mutant], folder: Path) -> list[str]:
    """Return the changes that no case of the alert notices."""
    found = []
    for alert, what, document in chosen:
        same, _ = checked([case for case in CASES if case.alert == alert], folder, document)
        if same:
            found.append(f"{alert}: {what}")
    return found
