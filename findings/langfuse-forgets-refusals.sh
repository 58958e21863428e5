#!/usr/bin/env bash
# langfuse 5.2.0: its drop-in OpenAI client records a refusal as an empty answer.
#
# Expected: what a generation's output says is what the model said; OpenAI puts a refusal into `refusal` and leaves `content` null. Seen: the output is
# {"role": "assistant", "content": null}: neither the text nor the fact that the model refused is anywhere in the observation.
# Who is hurt: whoever counts refusals, replays or judges generations exported from Langfuse: a refusal looks like a model that said nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q langfuse==5.2.0 openai==3.57.0
LANGFUSE_PUBLIC_KEY=pk-lf-none LANGFUSE_SECRET_KEY=sk-lf-none LANGFUSE_HOST=http://127.0.0.1:9 "$work/venv/bin/python" - <<'PYTHON' 2>/dev/null
import json
from importlib.metadata import version

import httpx
from langfuse import Langfuse
from langfuse.openai import OpenAI
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

print("langfuse", version("langfuse"))
memory = InMemorySpanExporter()
langfuse = Langfuse(span_exporter=memory)
reply = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": None, "refusal": "I can not help with that."}}],
}
transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=reply))
client = OpenAI(api_key="none", base_url="http://localhost/v1", http_client=httpx.Client(transport=transport))
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Do harm."}])
langfuse.flush()
[span] = memory.get_finished_spans()
attributes = dict(span.attributes)
print("output:", attributes["langfuse.observation.output"])
assert json.loads(attributes["langfuse.observation.output"]).get("content") is None, "the text is told now"
assert "I can not help" not in json.dumps(attributes, default=str), "the refusal is told now"
print("as found: the refusal is nowhere in the observation")
PYTHON
