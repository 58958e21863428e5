"""Which dashboards and alerts read which metric."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from dashboards import build

RULES: Final = Path(__file__).parent / "prometheus" / "rules.yml"
_METRIC: Final = re.compile(r"(?<![\\w:])migration_[a-z_0-9]+")
_SUFFIXES: Final = ("_total", "_bucket", "_sum", "_count")


def read_by() -> Mapping[str, list[str]]:
    """Return the names of dashboards and alerts that read a metric, by its name without the suffixes that Prometheus adds."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for reader, text in (*_boards(), *_alerts()):
        for name in sorted({_bare(one) for one in _METRIC.findall(text)}):
            if reader not in found[name]:
                found[name].append(reader)
    return found


def rules() -> list[dict[str, Any]]:
    """Return all alerts and recording rules, in their order."""
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def _boards() -> Iterator[tuple[str, str]]:
    for board in build.BOARDS.values():
        for section in board.sections:
            for panel in section.panels:
                yield from ((board.title, query.expr) for query in panel.queries)


def _alerts() -> Iterator[tuple[str, str]]:
    """Yield each alert with its expression, in which recording rules are replaced by what they record."""
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    for rule in rules():
        if "alert" in rule:
            yield rule["alert"], " ".join([rule["expr"], *(expr for name, expr in recorded.items() if name in rule["expr"])])


def _bare(name: str) -> str:
    return next((name.removesuffix(end) for end in _SUFFIXES if name.endswith(end)), name)
