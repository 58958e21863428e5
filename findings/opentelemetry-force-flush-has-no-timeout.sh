#!/usr/bin/env bash
# opentelemetry-sdk 1.45.0: `BatchSpanProcessor.force_flush(timeout_millis)` waits for the exporter however long that takes, and returns True
# although nothing arrived: the exporter returned FAILURE for every span.
# Expected: as the specification and the docstring of `SpanProcessor.force_flush` say, it returns after the timeout, and False when spans were not
# exported.
# Hurt: whoever flushes before a process ends (serverless, a server that drains): a slow collector holds it past its grace period, and the answer says
# that all is well. Shut the processor down in a thread that is waited for, and count what the exporter returns.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q opentelemetry-sdk==1.45.0
cat >"$work/run.py" <<'PY'
import sys, time
from importlib.metadata import version
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

class Slow(SpanExporter):
    def export(self, spans):
        time.sleep(3)
        return SpanExportResult.FAILURE

processor = BatchSpanProcessor(Slow(), schedule_delay_millis=60_000)
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(processor)
provider.get_tracer("t").start_span("s").end()
started = time.monotonic()
said = processor.force_flush(timeout_millis=100)
took = time.monotonic() - started
print("opentelemetry-sdk", version("opentelemetry-sdk"))
print("expected: False after about 0.1 s")
print(f"seen:     {said} after {took:.1f} s")
sys.exit(0 if said is True and took > 2.5 else 1)
PY
"$work/v/bin/python" "$work/run.py"
