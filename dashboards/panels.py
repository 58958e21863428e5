"""The four kinds of panels on the dashboards. Each has a stable id, a title, a description, a unit and thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import text as words
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The Prometheus that the user chose at the top of the dashboard."""

Steps = Sequence[tuple[float | None, str]]
"""Thresholds: (from this value on, colour); the first starts at None, minus infinity."""

NEUTRAL: Steps = ((None, "blue"),)
"""No limit, for a number that needs no action."""

ANY_IS_BAD: Steps = ((None, "green"), (1e-9, "red"))
"""The only good value is 0."""

#: The same word has the same colour on every panel: label -> legend (a regular expression) -> colour.
_COLOURS: Mapping[str, Mapping[str, str]] = {
    "origin": {r"control\b.*": "blue", r"candidate\b.*": "orange"},
    "verdict": {"match": "green", "noise": "#8AB8FF", "accepted": "purple", "divergent": "red", "inconclusive": "yellow"},
}

_AnyPanel = TypeVar("_AnyPanel", stat.Panel, table.Panel, timeseries.Panel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL query of a panel."""

    expr: str
    legend: str = ""  #: Grafana's legend template, such as "{{origin}}"; "" shows the labels as they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The fields of every panel."""

    id: int  #: stable, since links point at it; unique within its dashboard
    title: str
    description: str  #: what is shown, and what to do about a bad value
    unit: str  #: Grafana's unit id, or "suffix: <word>"
    queries: Sequence[Query]
    steps: Steps = NEUTRAL
    width: int  #: of 24 columns
    height: int = 8  #: rows of 30 pixels
    to: str = ""  #: uid of the dashboard that says more; "": none does


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Panel):
    """Large numbers, with the values at the end of the time range."""

    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)  #: value -> (text, colour), for numbers that stand for a state
    height: int = 4
    width: int = 4

    def build(self) -> stat.Panel:
        """Return Grafana's panel."""
        panel = _common(stat.Panel(), self)
        return (
            panel.graph_mode(common.BigValueGraphMode.NONE)
            .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
            .text_mode(common.BigValueTextMode.AUTO)
            .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
            .mappings([*([_mapping(self.names)] if self.names else []), _UNKNOWN])
            .targets([target.instant() for target in _targets(self)])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines(Panel):
    """Lines over time; all thresholds except the first are drawn as dashed lines."""

    stacked: bool = False
    traced: bool = False  #: whether points with a trace id are drawn, and lead to the trace
    width: int = 12

    def build(self) -> timeseries.Panel:
        """Return Grafana's panel."""
        limits = common.GraphThresholdsStyleMode.DASHED if len(self.steps) > 1 else common.GraphThresholdsStyleMode.OFF
        stacking = common.StackingMode.NORMAL if self.stacked else common.StackingMode.NONE
        panel = (
            _common(timeseries.Panel(), self)
            .thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(limits))
            .line_width(2)
            .fill_opacity(30 if self.stacked else 5)
            .stacking(common_builders.StackingConfig().mode(stacking).group("A"))
            .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
            .legend(common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM))
            .targets([target.range().exemplar(self.traced) for target in _targets(self)])
        )
        for legend, colour in self._colours().items():
            fixed = model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
            panel = panel.override_by_regexp(f"/^{legend}$/", [fixed])
        return panel

    def _colours(self) -> Mapping[str, str]:
        """Return the fixed colours for legends that start with a known label."""
        used = [
            colours for label, colours in _COLOURS.items() if any(query.legend.startswith(f"{{{{{label}}}}}") for query in self.queries)
        ]
        return {legend: colour for colours in used for legend, colour in colours.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Panel):
    """A table with a row for each series, the largest value first."""

    columns: Mapping[str, str]  #: label -> heading, in order; "Value" is the number
    width: int = 24

    def build(self) -> table.Panel:
        """Return Grafana's panel."""
        order = {
            "excludeByName": {"Time": True},
            "indexByName": {label: index for index, label in enumerate(self.columns)},
            "renameByName": dict(self.columns),
        }
        return (
            _common(table.Panel(), self)
            .with_transformation(model.DataTransformerConfig(id_val="organize", options=order))
            .sort_by([common_builders.TableSortByFieldState().display_name(self.columns["Value"]).desc(True)])
            .targets([target.instant().format(PromQueryFormat.TABLE) for target in _targets(self)])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text."""

    id: int
    title: str
    text: str  #: Markdown
    width: int = 24
    height: int = 4

    @property
    def queries(self) -> Sequence[Query]:
        """Nothing is asked."""
        return ()

    def build(self) -> words.Panel:
        """Return Grafana's panel."""
        return words.Panel().id(self.id).title(self.title).mode(TextMode.MARKDOWN).content(self.text).span(self.width).height(self.height)


AnyPanel = Number | Lines | Rows | Words
"""One of the four kinds."""

#: Grafana shows a value that is not known in the colour of the first threshold, which is often green.
_UNKNOWN = model.SpecialValueMap(
    options=model.DashboardSpecialValueMapOptions(
        match=model.SpecialValueMatch.NULL_AND_NAN, result=model.ValueMappingResult(text="not known", color="#808080", index=100)
    )
)


def _common(panel: _AnyPanel, card: Panel) -> _AnyPanel:
    return (
        panel.id(card.id)
        .title(card.title)
        .description(card.description)
        .datasource(DATASOURCE)
        .unit(card.unit)
        .no_value("nothing measured")
        .thresholds(
            dashboard_builders.ThresholdsConfig()
            .mode(model.ThresholdsMode.ABSOLUTE)
            .steps([model.Threshold(value=value, color=colour) for value, colour in card.steps])
        )
        .links(
            [dashboard_builders.DashboardLink("More").url(f"/d/{card.to}?${{__url_time_range}}&${{__all_variables}}")] if card.to else []
        )
        .span(card.width)
        .height(card.height)
    )


def _more(card: Panel) -> list[dashboard_builders.DashboardLink]:
    """Return the link to the dashboard that says more, with the same time and choices."""
    address = f"/d/{card.to}?${{__url_time_range}}&${{__all_variables}}"
    return [dashboard_builders.DashboardLink("More").url(address)] if card.to else []


def _targets(card: Panel) -> list[prometheus.Dataquery]:
    targets = []
    for index, query in enumerate(card.queries):
        target = prometheus.Dataquery().ref_id(chr(ord("A") + index)).datasource(DATASOURCE).expr(query.expr)
        targets.append(target.legend_format(query.legend) if query.legend else target)
    return targets


def _mapping(names: Mapping[str, tuple[str, str]]) -> model.ValueMap:
    results = (model.ValueMappingResult(text=text, color=colour, index=index) for index, (text, colour) in enumerate(names.values()))
    return model.ValueMap(options=dict(zip(names, results, strict=True)))
