#!/usr/bin/env bash
# launchdarkly-server-sdk 9.20.0: one 404 (or 401, 403) from the events address, as a proxy gives while it is being deployed, ends the delivery of
# events until the process ends; evaluations and the flag stream go on, and `is_initialized()` stays true. A 503 that lasts longer than two tries
# (one second) drops the whole payload.
# Expected: as with the flag stream ("no stream failure ever ends the stream by itself", impl/retry.py), delivery goes on after the address is well.
# Hurt: whoever counts on migration op events (the migration's dashboard at LaunchDarkly) or on experiments: they stop, and one log line says so.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q launchdarkly-server-sdk==9.20.0 urllib3==2.8.0
cat >"$work/run.py" <<'PY'
import http.server, json, sys, threading, time
from importlib.metadata import version
from ldclient import Config, Context
from ldclient.client import LDClient
from ldclient.integrations.test_data import TestData

taken, answers = [], [404]

class Events(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = answers.pop(0) if answers else 202
        if status == 202:
            taken.extend(event["key"] for event in body if event["kind"] == "custom")
        self.send_response(status); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): ...

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Events)
threading.Thread(target=server.serve_forever, daemon=True).start()
config = Config("sdk-key", update_processor_class=TestData.data_source(), events_uri=f"http://127.0.0.1:{server.server_port}", flush_interval=0.2, diagnostic_opt_out=True)
client = LDClient(config)
who = Context.create("acme", "tenant")
client.track("during-the-404", who); time.sleep(1.5)
for number in range(5):
    client.track(f"after-{number}", who); time.sleep(0.4)
client.close()
print("launchdarkly-server-sdk", version("launchdarkly-server-sdk"))
print("expected: after-0 ... after-4 arrive, since the address answers 202 again")
print("seen:     arrived:", taken, "- initialized:", client.is_initialized())
sys.exit(0 if taken == [] else 1)
PY
"$work/v/bin/python" "$work/run.py"
