#!/usr/bin/env bash
# anthropic 2.15.0: when the connection is lost within a streamed reply, the SDK lets the error of its HTTP client pass, `httpx2.RemoteProtocolError`.
# It is not an `anthropic.APIError`; the same loss before the reply begins is an APIConnectionError, which is one.
# The openai SDK 3.54.0, of the same generator and on the same client, raises its own APIConnectionError.
# Expected: anthropic.APIConnectionError.
# Hurt: whoever retries or falls back on `except anthropic.APIError`: exactly when half an answer was shown, the error reaches the top.
# In the product, a replay raises what was raised, httpx2's own too, so both engines are compared on this very path.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q openai==3.54.0 anthropic==2.15.0
cat >"$work/run.py" <<'PY'
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import anthropic, openai

class Cut(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_): ...

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        event = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"It"}}\n\n'
        if "messages" not in self.path:
            event = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"It"}}]}\n\n'
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.close_connection = True  # within the chunked body

server = ThreadingHTTPServer(("127.0.0.1", 0), Cut)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}

def raised(sdk, ask, **more):
    pieces = 0
    try:
        for _ in ask(**asked, **more):
            pieces += 1
    except Exception as error:
        return pieces, f"{type(error).__module__}.{type(error).__name__}", isinstance(error, sdk.APIError)

by_openai = raised(openai, openai.OpenAI(base_url=url, api_key="k").chat.completions.create)
by_anthropic = raised(anthropic, anthropic.Anthropic(base_url=url, api_key="k").messages.create, max_tokens=9)
print("anthropic", version("anthropic"), "openai", version("openai"))
print("expected: after one piece, an APIConnectionError of the SDK")
print(f"seen:     openai {by_openai}; anthropic {by_anthropic}")
sys.exit(not (by_openai == (1, "openai.APIConnectionError", True) and by_anthropic == (1, "httpx2.RemoteProtocolError", False)))
PY
"$work/v/bin/python" "$work/run.py"
