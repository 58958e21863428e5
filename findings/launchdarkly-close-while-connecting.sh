#!/usr/bin/env bash
# launchdarkly-server-sdk 9.20.0: `close()` while the stream is being connected (a slow proxy, a network that has just come back) does not end it.
# When the answer comes, the thread streams on, for as long as the server does: one thread and one connection for each client that was closed so,
# and LaunchDarkly counts them.
# Expected: after `close()` ("Releases all threads and network connections used by the LaunchDarkly client") the connection is closed as soon
# as it is there, and the thread ends.
# Hurt: whoever makes clients again and again: tests, workers that fork, `postfork()`, anything that retries with a new client.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q launchdarkly-server-sdk==9.20.0 launchdarkly-eventsource==1.7.4 urllib3==2.8.0
cat >"$work/run.py" <<'PY'
import http.server, json, os, threading, time
from importlib.metadata import version
from ldclient import Config
from ldclient.client import LDClient

PUT = b"event: put\ndata: " + json.dumps({"path": "/", "data": {"flags": {}, "segments": {}}}).encode() + b"\n\n"
connected = 0

class Stream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global connected
        time.sleep(2)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        connected += 1
        try:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(PUT), PUT))
            while True:
                time.sleep(0.1)
                self.wfile.write(b"2\r\n:\n\r\n")
        except OSError:
            connected -= 1
    def log_message(self, *_): ...

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stream)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
for _ in range(3):
    LDClient(Config("sdk-key", stream_uri=f"http://127.0.0.1:{server.server_port}", send_events=False), start_wait=0.3).close()
time.sleep(6)
threads = [thread.name for thread in threading.enumerate() if thread.name == "ldclient.datasource.streaming"]
print("launchdarkly-server-sdk", version("launchdarkly-server-sdk"))
print("expected: 6 s after three clients were closed, 0 connections and 0 threads")
print(f"seen:     {connected} connections and {len(threads)} threads", flush=True)
os._exit(0 if (connected, len(threads)) == (3, 3) else 1)
PY
"$work/v/bin/python" "$work/run.py"
