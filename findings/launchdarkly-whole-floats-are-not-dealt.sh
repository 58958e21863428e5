#!/usr/bin/env bash
# launchdarkly-server-sdk 9.20.0: a rollout by a numeric attribute puts every context whose number is a Python float, also a whole one, into the
# first variation: 12.0 is not dealt to a bucket, 12 is. Rules see no difference (12.0 `in` [12] matches), and there is no warning.
# Expected: JSON knows one number 12, so 12 and 12.0 get the same variation, as in SDKs of languages with one type of numbers.
# Seen: of 1,000 accounts half get each variation as int, and all get the first one as float.
# Hurt: whoever rolls out by an account number that came through pandas, a division, YAML or JSON with `12.0`: the rollout reaches nobody, or
# (with the new behaviour listed first) everybody.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q launchdarkly-server-sdk==9.20.0
cat >"$work/run.py" <<'PY'
import json, sys
from importlib.metadata import version
from ldclient import Config, Context
from ldclient.client import LDClient
from ldclient.integrations import Files

shares = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
rollout = {"contextKind": "tenant", "bucketBy": "account", "variations": shares}
rule = {"id": "r", "variation": 1, "clauses": [{"contextKind": "tenant", "attribute": "account", "op": "in", "values": [12]}]}
plain = {"version": 1, "on": True, "variations": ["first", "second"], "offVariation": 0, "salt": "s"}
flags = {"dealt": plain | {"key": "dealt", "fallthrough": {"rollout": rollout}}, "ruled": plain | {"key": "ruled", "rules": [rule], "fallthrough": {"variation": 0}}}
with open(sys.argv[1], "w") as file:
    json.dump({"flags": flags}, file)

def tenant(account):
    return Context.builder("acme").kind("tenant").set("account", account).build()

with LDClient(Config("sdk-key", update_processor_class=Files.new_data_source(paths=[sys.argv[1]]), send_events=False)) as client:
    second = [sum(client.variation("dealt", tenant(kind(number)), None) == "second" for number in range(1_000)) for kind in (int, float)]
    matched = [client.variation("ruled", tenant(kind(12)), None) == "second" for kind in (int, float)]
print("launchdarkly-server-sdk", version("launchdarkly-server-sdk"))
print("expected: as many of 1,000 accounts get the second variation when their numbers are floats as when they are ints")
print(f"seen:     {second[0]} as ints, {second[1]} as floats; a rule `in [12]` matches both: {matched == [True, True]}")
sys.exit(not (450 < second[0] < 550 and second[1] == 0 and matched == [True, True]))
PY
"$work/v/bin/python" "$work/run.py" "$work/flags.json"
