#!/usr/bin/env bash
# launchdarkly-server-sdk 9.20.0: the first entry in a flag's `contextTargets`, of whatever kind, silences all of its `targets`. Users who were
# targeted one by one get what everybody gets, without an error, a warning or another reason kind to look for.
# Expected: `targets` (users) and `contextTargets` (tenants) both hold; neither names anybody whom the other names.
# Seen: with any `contextTargets`, `targets` count only where `contextTargets` has an empty placeholder of kind `user` with the same variation.
# Hurt: whoever adds a target for an organisation or tenant to a flag file, to Redis or by a tool, to a flag that targets users: they lose
# their variation (a beta, a block, a kill switch of their own) at that moment.
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

def served(**more):
    flag = {"key": "beta", "version": 1, "on": True, "variations": [False, True], "offVariation": 0, "fallthrough": {"variation": 0},
            "targets": [{"variation": 1, "values": ["ada"]}]} | more
    with open(sys.argv[1], "w") as file:
        json.dump({"flags": {"beta": flag}}, file)
    source = Files.new_data_source(paths=[sys.argv[1]])
    with LDClient(Config("sdk-key", update_processor_class=source, send_events=False)) as client:
        return client.variation("beta", Context.create("ada"), None)

tenant = {"contextKind": "tenant", "variation": 1, "values": ["acme"]}
seen = served(), served(contextTargets=[tenant]), served(contextTargets=[{"contextKind": "user", "variation": 1, "values": []}, tenant])
print("launchdarkly-server-sdk", version("launchdarkly-server-sdk"))
print("expected for the targeted user: True before a tenant is targeted, too, and True after it")
print(f"seen:                           {seen[0]} before, {seen[1]} after it; {seen[2]} with an empty placeholder beside it")
sys.exit(seen != (True, False, True))
PY
"$work/v/bin/python" "$work/run.py" "$work/flags.json"
