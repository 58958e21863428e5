#!/usr/bin/env bash
# prometheus-client 0.26.0: one NaN observation makes a histogram's sum NaN for the life of the process, and is in no bucket and not in the count.
#
# Expected: an observation is counted once, or refused. Seen: `_count` and every bucket stay as they were, while `_sum` is NaN from then on, so
# rate(x_sum) / rate(x_count) has no value until a restart, and nothing says that an observation was made at all.
# Who is hurt: everybody whose mean latency comes from a histogram and whose durations come from somebody else's clock or arithmetic.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q prometheus-client==0.26.0
"$work/venv/bin/python" - <<'PYTHON'
import math
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Histogram, generate_latest

print("prometheus-client", version("prometheus-client"))
registry = CollectorRegistry()
seconds = Histogram("request_seconds", "Duration.", buckets=(1, 2), registry=registry)
for value in (0.5, math.nan, 0.5):
    seconds.observe(value)
print(generate_latest(registry).decode())
read = registry.get_sample_value
assert read("request_seconds_count") == read("request_seconds_bucket", {"le": "+Inf"}) == 2, "the NaN is counted now"
assert math.isnan(read("request_seconds_sum")), "the sum holds now"
print("as found: 3 observations, a count of 2, and a sum that is NaN for good")
PYTHON
