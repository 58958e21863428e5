"""The parts that all dashboards share: variables, links, annotations for what happened, time range, sections."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import DATASOURCE, AnyPanel
from dashboards.promql import WINDOW, select

_TAG = "netra-migration"
_ROW_IDS = 1000  #: ids of headings begin here; ids of panels are smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice at the top of a dashboard: values of a label, initially all of them."""

    label: str
    metric: str  #: the metric from which the label's values are read
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Panels under one heading. Panels fill rows from the left; the panels of a row should be 24 columns wide in total."""

    title: str
    panels: Sequence[AnyPanel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard."""

    uid: str  #: stable part of the dashboard's address
    title: str
    description: str  #: the question that the dashboard answers
    sections: Sequence[Section]
    variables: Sequence[Variable] = ()  #: in addition to data source and surface

    def build(self) -> model.Dashboard:
        """Return Grafana's dashboard."""
        board = _frame(self)
        for variable in self.variables:
            board = board.with_variable(_choice(variable))
        for place, section in enumerate(self.sections, start=1):
            board = board.with_row(builders.Row(section.title).id(_ROW_IDS * place))
            for panel in section.panels:
                board = board.with_panel(panel.build())
        return board.build()


_SURFACE = Variable(label="surface", metric="migration_flag_version", description="Entry points whose engine is being replaced.")


def _frame(dashboard: Dashboard) -> builders.Dashboard:
    edits = f"max by (surface) (changes({select('migration_flag_version')}[{WINDOW}])) > 0"
    alerts = 'ALERTS{alertname=~"Migration.*", alertstate="firing"}'
    source = builders.DatasourceVariable("datasource").label("Prometheus").description("The data source of the numbers.").type("prometheus")
    link = builders.DashboardLink("Migration").type(model.DashboardLinkType.DASHBOARDS).tags([_TAG]).icon("external link")
    return (
        builders.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags([_TAG])
        .readonly()
        .timezone("utc")
        .time("now-1h", "now")
        .refresh("10s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(link.tooltip("All dashboards of the migration").include_vars(True).keep_time(True))
        .annotation(_mark("Flag edited", edits, "purple", "{{surface}}: flag edited"))
        .annotation(_mark("Alerts", alerts, "red", "{{alertname}} {{surface}}"))
        .annotation(_mark("Promotions", _entries("promotion"), "green", "{{surface}}: promoted"))
        .annotation(_mark("Rollbacks", _entries("rollback"), "orange", "{{surface}}: rolled back"))
        .annotation(_mark("Kill switch", _entries("kill_switch|emergency"), "dark-red", "kill switch changed"))
        .annotation(_mark("Releases", _entries("release"), "blue", "another version began to serve"))
        .annotation(_mark("Deaths", _entries("process_died"), "yellow", "a process died"))
        .with_variable(source)
        .with_variable(_choice(_SURFACE))
    )


def _entries(kind: str) -> str:
    """Return when entries of these kinds were written to the history. Releases, deaths and many kills are about no surface."""
    return f'max by (surface) (changes(migration_history_entries{{kind=~"{kind}", surface=~"$surface|"}}[{WINDOW}])) > 0'


def _choice(variable: Variable) -> builders.QueryVariable:
    query = f"label_values({variable.metric}, {variable.label})"
    return (
        builders.QueryVariable(variable.label)
        .label(variable.label)
        .description(variable.description)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": variable.label})
        .definition(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(text=["All"], value=["$__all"]))
    )


def _mark(name: str, expr: str, colour: str, title: str) -> builders.AnnotationQuery:
    query = prometheus.Dataquery().ref_id(name).datasource(DATASOURCE).expr(expr)
    return builders.AnnotationQuery().name(name).datasource(DATASOURCE).enable(True).icon_color(colour).target(query).title_format(title)
