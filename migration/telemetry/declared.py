"""One row of the table of metrics: the declaration of a metric, which every process makes for itself."""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Self, TypeVar, overload

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.samples import Sample

logger = logging.getLogger(__name__)

#: in seconds, from the time of one event-loop turn to that of the longest run
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)


class _Found(MetricWrapperBase):
    """Remembers the metric of each combination of label values: prometheus_client takes ten times as long to find it.

    The combinations are few, since labels have closed sets of values.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as prometheus_client has them
        self._found: dict[tuple[object, ...], Self] = {}
        super().__init__(*args, **options)

    def labels(self, *values: object, **named: object) -> Self:
        """Return the metric with these values of its labels."""
        if named:
            return super().labels(*values, **named)
        found = self._found.get(values)
        if found is None:
            found = self._found[values] = super().labels(*values)
        return found

    def _child_samples(self) -> Iterable[Sample]:
        # Nothing reads when a series was created, and these samples would double the number of counters' series.
        return [sample for sample in super()._child_samples() if sample.name != "_created"]


class FoundCounter(_Found, Counter):
    """A counter."""


class FoundGauge(_Found, Gauge):
    """A gauge."""


class FoundSummary(_Found, Summary):
    """A sum and a number of values: their mean, without the series of a histogram."""


class Seconds(_Found, Histogram):
    """A histogram that accepts only times. A NaN belongs to no bucket, and makes the sum NaN until the process ends.

    Some times come from engines (`Event.at_s`), so values that are not finite are logged and left out.
    """

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count a time, in seconds."""
        if math.isfinite(amount):
            super().observe(amount, exemplar)
        else:
            logger.error("%s: an engine gave %s as a time; it is not counted", self._name, amount)


class MetricTable:
    """The base class of a table of metrics: each object has a metric for each row of its class.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        for attribute, row in vars(type(self)).items():
            if isinstance(row, Declared):
                setattr(self, attribute, row.made(registry))


_Metric = TypeVar("_Metric", Counter, Gauge, Seconds, Summary)


class Declared(Generic[_Metric]):
    """One row of the table: the declaration of a metric, which every `MetricTable` makes for itself.

    Args:
        kind: class of the metric.
        name: the metric's name, without the suffixes that Prometheus adds.
        text: what it counts or measures, for people.
        labels: names of the labels.
        options: further arguments of the class.
    """

    def __init__(self, kind: type[_Metric], name: str, text: str, labels: Sequence[str], **options: Any) -> None:  # noqa: ANN401 - as prometheus_client has them
        self._kind: Callable[..., _Metric] = kind
        self.name, self.text, self.labels, self._options = name, text, labels, options

    @overload
    def __get__(self, metrics: None, owner: type, /) -> "Declared[_Metric]": ...
    @overload
    def __get__(self, metrics: MetricTable, owner: type, /) -> _Metric: ...
    def __get__(self, metrics: MetricTable | None, owner: type, /) -> "Declared[_Metric] | _Metric":
        """Return this row if the attribute is read from the class.

        An instance has its own metric under this name, which Python finds first.
        """
        return self

    def made(self, registry: CollectorRegistry) -> _Metric:
        """Return a new metric of this row."""
        return self._kind(self.name, self.text, self.labels, registry=registry, **self._options)


def counter(name: str, text: str, *labels: str) -> Declared[Counter]:
    """Declare a counter; Prometheus adds `_total` to its name."""
    return Declared(FoundCounter, name, text, labels)


def seconds(name: str, text: str, *labels: str) -> Declared[Seconds]:
    """Declare a histogram of times."""
    return Declared(Seconds, name, text, labels, buckets=_SECONDS)


def gauge(name: str, text: str, *labels: str, mode: str) -> Declared[Gauge]:
    """Declare a gauge; `mode` says how the values of several processes are combined."""
    return Declared(FoundGauge, name, text, labels, multiprocess_mode=mode)


def summary(name: str, text: str, *labels: str) -> Declared[Summary]:
    """Declare a sum of values and their number."""
    return Declared(FoundSummary, name, text, labels)
