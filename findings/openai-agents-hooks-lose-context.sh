#!/usr/bin/env bash
# openai-agents 0.24.0: a context variable that the hook `on_tool_start` sets is not seen by the tool that it is called for: hooks run in a task
# of their own (`asyncio.gather`), also when there is a single one. LangChain's `on_tool_start` has `run_inline` for this.
# Expected: what is awaited "before a tool is invoked" runs in the context of that call, so that a trace, tenant or deadline set there holds in it.
# Hurt: who binds log context, tenants or tracing in hooks: the tool runs under whatever was set before, with no error.
# In the product: the adapter cannot name the lane of what a tool asks; its page says who does it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q openai-agents==0.24.0 openai==3.54.0
cat >"$work/run.py" <<'PY'
import asyncio, contextvars, sys
from importlib.metadata import version

from agents import Agent, ModelResponse, RunConfig, RunHooks, Runner, Usage, function_tool
from agents.models.interface import Model
from openai.types.responses import ResponseFunctionToolCall

tenant = contextvars.ContextVar("tenant", default="nobody")
seen = []

class Hooks(RunHooks):
    async def on_tool_start(self, context, agent, tool):
        tenant.set("acme")
        seen.append("hook")

@function_tool
async def ask() -> str:
    """Ask."""
    seen.append(f"tool of {tenant.get()}")
    return "answer"

class Scripted(Model):
    async def get_response(self, *args, **kwargs):
        call = ResponseFunctionToolCall(name="ask", arguments="{}", call_id="c", type="function_call")
        return ModelResponse(output=[call], usage=Usage(), response_id=None)

    def stream_response(self, *args, **kwargs):
        raise NotImplementedError

agent = Agent(name="a", model=Scripted(), tools=[ask], tool_use_behavior="stop_on_first_tool")
asyncio.run(Runner.run(agent, "Hi", hooks=Hooks(), run_config=RunConfig(tracing_disabled=True)))
print("openai-agents", version("openai-agents"))
print("expected: ['hook', 'tool of acme']")
print(f"seen:     {seen}")
sys.exit(seen != ["hook", "tool of nobody"])
PY
"$work/v/bin/python" "$work/run.py"
