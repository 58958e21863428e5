"""Which runs are traced, and where their traces go: to a bounded ring in memory and, when an endpoint is set, to a collector.

No tracer provider is installed: as soon as there is one, libraries trace too, and what they send contains paths and queries with tokens.
"""

import os
from collections.abc import Mapping
from typing import Final

from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from migration.model import Comparison, Verdict
from migration.settings import MigrationSettings
from migration.telemetry import spans
from migration.telemetry.collector import Signal, open_transport
from migration.telemetry.delivery import OnLost, SpanDelivery
from migration.telemetry.names import KnownNames
from migration.telemetry.otlp import Encoder
from migration.telemetry.ring import SpanRing
from migration.telemetry.run_spans import About, ForeignRun, KeptRun, NoSpan, RunSpan, has_own_provider
from migration.telemetry.run_trace import Shared
from migration.telemetry.traced import Traceable, Value

MOST_UNDECIDED: Final = 1024
_UNDECIDED_BYTES: Final = 32 * 2**20
#: The process: its name and place, which its operator sets; never its command line.
_RESOURCE: Final = ("service.", "telemetry.sdk.", "deployment.", "k8s.", "cloud.", "container.id", "host.name", "host.id")
_KEPT: Final = frozenset({Verdict.DIVERGENT, Verdict.INCONCLUSIVE})
_SCHEMA: Final = f"https://opentelemetry.io/schemas/{spans.SEMCONV_VERSION}"
_NO_SPAN: Final = NoSpan()


def encoder(service: str) -> Encoder:
    """Return the encoder of this process.

    Args:
        service: OpenTelemetry's `service.name`, unless its own variables say another one.
    """
    told = Resource.create({SERVICE_NAME: service} if not os.environ.get("OTEL_SERVICE_NAME") else {}).attributes
    resource: dict[str, Value] = {key: value for key, value in told.items() if key.startswith(_RESOURCE) and isinstance(value, str)}
    return Encoder(resource, ("migration", spans.GENAI_VERSION), _SCHEMA)


def deliver_to(settings: MigrationSettings, service: str, on_lost: OnLost) -> SpanDelivery[Traceable] | None:
    """Return the delivery of traces to the collector; None: the settings name none.

    Raises:
        ConfigurationError: the address, a certificate or the compression cannot be used.
    """
    if not settings.otlp_endpoint:
        return None
    signal: Signal = "traces"
    encoding = encoder(service)
    return SpanDelivery(open_transport(settings, signal), lambda trace: map(encoding.span, trace.spans()), encoding.request, on_lost)


class Tracing:
    """The traces of one process. All methods but `close` are free of I/O and locks.

    Args:
        settings: percentage, tenants and collector.
        service: OpenTelemetry's `service.name`, e.g. "netra-backend".
        on_lost: counts spans that were lost.
        delivery: sends traces; None: as the settings say.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        service: str,
        on_lost: OnLost,
        *,
        delivery: SpanDelivery[Traceable] | None = None,
    ) -> None:
        self.ring = SpanRing()
        self.names, self.shared = KnownNames(), Shared()
        self._settings, self._on_lost = settings, on_lost
        self._watched = frozenset(settings.watch_tenants)
        self._bound = round(settings.trace_percent / 100 * 2**64)
        self._off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        self._undecided: dict[str, KeptRun] = {}
        self._undecided_bytes = 0
        self._delivery = None if self._off else delivery or deliver_to(settings, service, on_lost)
        #: whether calls of a run that no shadow reads are recorded, for its trace
        self.records_calls = settings.trace_effects and not self._off

    def start_run(self, about: About) -> RunSpan:
        """Return the span of a run that starts now."""
        if self._off:
            return _NO_SPAN
        return ForeignRun(self, about) if has_own_provider() else KeptRun(self, about)

    def draws(self, trace_id: int) -> bool:
        """Return whether a run with this trace id is traced whatever its verdict is: the rule of OpenTelemetry's `TraceIdRatioBased`."""
        return trace_id & (2**64 - 1) < self._bound

    def tenant(self, tenant_id: str) -> Mapping[str, Value]:
        """Return the attribute of the tenant, if its name may be in spans."""
        return tenant_attribute(self._settings, self._watched, tenant_id)

    def ended(self, run: KeptRun, *, waits: bool) -> None:
        """Take a run that ended; `waits`: it is complete when `shadowed` is called."""
        if not waits or run.record is None:
            self._keep(run)
            return
        undecided = self._undecided
        undecided[run.record.request.run_id] = run
        self._undecided_bytes += run.weight_bytes
        while len(undecided) > MOST_UNDECIDED or (self._undecided_bytes > _UNDECIDED_BYTES and len(undecided) > 1):
            self._give_up(next(iter(undecided)))

    def shadowed(self, run_id: str, state: str, comparison: Comparison | None) -> None:
        """Decide about a run that waited for its shadow: it is kept if it was drawn, or if the shadow gave no clean verdict.

        Args:
            run_id: the run.
            state: "compared", "shed", or the reason of the shadow's failure.
            comparison: None: there is none.
        """
        if (run := self._undecided.pop(run_id, None)) is None:
            return
        self._undecided_bytes -= run.weight_bytes
        run.decide(state, comparison)
        if run.drawn or (comparison is not None and comparison.verdict in _KEPT):
            self._keep(run)

    def close(self, timeout_s: float) -> None:
        """Keep drawn runs that still wait, and deliver traces for this time at most; later ones are lost, and counted."""
        for run_id in tuple(self._undecided):
            self._give_up(run_id)
        if self._delivery is not None:
            self._delivery.close(timeout_s)

    def _give_up(self, run_id: str) -> None:
        run = self._undecided.pop(run_id)
        self._undecided_bytes -= run.weight_bytes
        if run.drawn:
            self._keep(run)
        else:
            self._on_lost("undecided", run.size)

    def _keep(self, run: Traceable) -> None:
        self.ring.keep(run)
        if self._delivery is not None:
            self._delivery.put(run)


def tenant_attribute(settings: MigrationSettings, watched: frozenset[str], tenant_id: str) -> Mapping[str, Value]:
    """Return the attribute of a tenant, if its name may be in spans."""
    shown = settings.trace_tenants == "all" or (settings.trace_tenants == "watched" and tenant_id in watched)
    return {spans.TENANT: tenant_id} if shown else {}
