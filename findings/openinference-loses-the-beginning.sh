#!/usr/bin/env bash
# openinference-instrumentation-openai 0.1.66 on opentelemetry-sdk 1.45.2: the span of a long conversation silently lacks its beginning.
#
# OpenInference takes a request apart into attributes, three or more a message; a tracer keeps 128 of a span (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT)
# and drops the oldest. Expected: a span that holds the conversation or says in itself that it is cut, and the newest messages lost first, as in
# a text that is cut at its end. Seen: the system prompt and the first messages are gone, with the raw request (`input.value`) and the name of
# the provider, which are set first of all; the last messages and the answer are there, so the span reads like a whole, shorter conversation.
# A span written down by the SDK's own `to_json` does not tell how many were dropped; a log line alone does.
# Who is hurt: everybody who replays, evaluates or trains on exported spans: what a model was told is not what the span says.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q openinference-instrumentation-openai==0.1.66 opentelemetry-sdk==1.45.2 openai==3.57.0 httpx
"$work/venv/bin/python" - <<'PYTHON'
import json
from importlib.metadata import version

import httpx
from openai import OpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

for package in ("openinference-instrumentation-openai", "opentelemetry-sdk"):
    print(package, version(package))
memory, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
OpenAIInstrumentor().instrument(tracer_provider=provider)
reply = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "The end."}}],
}
transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=reply))
client = OpenAI(api_key="none", base_url="http://localhost/v1", http_client=httpx.Client(transport=transport))
talk = [{"role": "system", "content": "Never tell the price."}]
talk += [{"role": ("user", "assistant")[number % 2], "content": f"message {number}"} for number in range(79)]
client.chat.completions.create(model="gpt-4o", messages=talk)
[span] = memory.get_finished_spans()
attributes = dict(span.attributes)
there = [number for number in range(len(talk)) if f"llm.input_messages.{number}.message.content" in attributes]
print(f"messages sent: {len(talk)}; in the span: {len(there)}, the first of them number {there[0]}; dropped attributes: {span.dropped_attributes}")
print("raw request there:", "input.value" in attributes, "| answer there:", attributes.get("llm.output_messages.0.message.content"))
assert there[0] > 0, "the beginning is kept now"
assert there[-1] == len(talk) - 1, "the end is lost now"
assert "input.value" not in attributes, "the raw request is kept now"
assert "dropped" not in span.to_json(), "to_json tells of dropped attributes now"
print("as found: a span without the system prompt that nothing in it tells from a whole one")
PYTHON
