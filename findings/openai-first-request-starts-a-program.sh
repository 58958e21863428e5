#!/usr/bin/env bash
# openai 3.54.0: the first request of a process starts a program, `uname -p`: the SDK builds its `X-Stainless-OS` header with `platform.platform()`, and
# Python asks for the processor, which no header holds, by a subprocess. The anthropic SDK, of the same generator, avoids it on purpose.
# Expected: a client of an HTTP API starts no program.
# Seen: `uname -p`, at the first request, not at import: within the run that is served.
# Hurt: who forks late (threads, gRPC), and whose sandbox refuses `execve`: the first call of a model fails or is counted as an escape.
# In the product Python is asked once, at import, where starting it is allowed; it keeps the answer.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q openai==3.54.0 anthropic==2.15.0
cat >"$work/run.py" <<'PY'
import sys
from importlib.metadata import version

import anthropic, httpx2, openai

started = []
sys.addaudithook(lambda event, told: started.append(list(told[1])) if event == "subprocess.Popen" else None)

def answer(request):
    return httpx2.Response(200, json={"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": []})

asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
http = httpx2.Client(transport=httpx2.MockTransport(answer))
anthropic.Anthropic(api_key="k", http_client=http).messages.create(**asked, max_tokens=9)
by_anthropic = list(started)
client = openai.OpenAI(api_key="k", http_client=http)
before = list(started)
client.chat.completions.create(**asked)
print("openai", version("openai"), "anthropic", version("anthropic"))
print("expected: no program is started")
print(f"seen:     anthropic {by_anthropic}; openai until its first request {before}, after it {started}")
sys.exit(not (by_anthropic == before == [] and started == [["uname", "-p"]]))
PY
"$work/v/bin/python" "$work/run.py"
