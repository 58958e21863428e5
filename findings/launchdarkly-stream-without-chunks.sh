#!/usr/bin/env bash
# launchdarkly-server-sdk 9.20.0 with launchdarkly-eventsource 1.7.4 and urllib3 2.8.0: an event stream whose body ends with the connection
# (HTTP without `Transfer-Encoding: chunked`, as every HTTP/1.0 proxy makes of it) is only handed on in whole pieces of 10,000 bytes.
# A flag's patch stays unread until later events fill the piece; the client does not even start when all flags together are smaller.
# Expected: an event is processed when its blank line has arrived, however the body is framed (both framings are valid HTTP, and the
# HTML standard's event stream knows no minimum).
# Hurt: users behind such a proxy: the SDK says nothing at all, no error, and `start_wait` passes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q launchdarkly-server-sdk==9.20.0 launchdarkly-eventsource==1.7.4 urllib3==2.8.0
cat >"$work/run.py" <<'PY'
import http.server, json, sys, threading, time
from importlib.metadata import version
from ldclient import Config
from ldclient.client import LDClient

PUT = b"event: put\ndata: " + json.dumps({"path": "/", "data": {"flags": {}, "segments": {}}}).encode() + b"\n\n"

def started(chunked):
    class Stream(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")))
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(PUT), PUT) if chunked else PUT)
            time.sleep(10)
        def log_message(self, *_): ...
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = LDClient(Config("sdk-key", stream_uri=f"http://127.0.0.1:{server.server_port}", send_events=False), start_wait=4)
    return client.is_initialized()

print("launchdarkly-server-sdk", version("launchdarkly-server-sdk"), "eventsource", version("launchdarkly-eventsource"), "urllib3", version("urllib3"))
seen = {"chunked": started(True), "ends with the connection": started(False)}
print("expected: initialized within 4 s with both framings")
print("seen:    ", seen)
sys.stdout.flush()
import os
os._exit(0 if seen == {"chunked": True, "ends with the connection": False} else 1)
PY
"$work/v/bin/python" "$work/run.py"
