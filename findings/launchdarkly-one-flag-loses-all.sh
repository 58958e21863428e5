#!/usr/bin/env bash
# launchdarkly-server-sdk 9.20.0: a flag with `"prerequisites": null` fails the whole set of flags: all of them are lost, the good ones too. The
# SDK's own decoder reads that null as none, as it does for `rules`, `targets` and all other lists; the sorting before its store does not.
# Expected: the flag is served as without prerequisites, and in any case the others are served.
# Seen: the client is not initialized; a good flag of the same file gives the default of the code.
# Hurt: whoever serves from a flag file, or through a program that writes null for "empty": a kill switch in the same file cannot be turned.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q launchdarkly-server-sdk==9.20.0
cat >"$work/run.py" <<'PY'
import json, logging, sys
from importlib.metadata import version
from ldclient import Config, Context
from ldclient.client import LDClient
from ldclient.integrations import Files
from ldclient.versioned_data_kind import FEATURES

logging.disable(logging.CRITICAL)
good = {"key": "good", "version": 1, "on": True, "variations": [False, True], "fallthrough": {"variation": 1}}
others = {
    "nothing odd": {},
    "rules null": {"rules": None, "targets": None, "contextTargets": None},
    "prerequisites null": {"prerequisites": None},
}
seen = {}
for name, more in others.items():
    other = {**good, "key": "other", **more}
    FEATURES.decode(dict(other))  # the SDK's decoder takes it
    with open(sys.argv[1], "w") as file:
        json.dump({"flags": {"good": good, "other": other}}, file)
    with LDClient(Config("sdk-key", update_processor_class=Files.new_data_source(paths=[sys.argv[1]]), send_events=False)) as client:
        seen[name] = (client.is_initialized(), client.variation("good", Context.create("a"), "the default"))
print("launchdarkly-server-sdk", version("launchdarkly-server-sdk"))
print("expected: `good` is served as true, whatever the other flag is")
for name, (initialized, value) in seen.items():
    print(f"seen:     other flag with {name}: initialized {initialized}, `good` is {value}")
lost = (False, "the default")
sys.exit(seen != {"nothing odd": (True, True), "rules null": (True, True), "prerequisites null": lost})
PY
"$work/v/bin/python" "$work/run.py" "$work/flags.json" 2>/dev/null
