"""`Agent`: a name, a prompt, the tools it may use, and the loop of model calls and tool calls that they all share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from netra_backend.app.agents.plan_ids import with_plan_id
from netra_backend.app.agents.tool_calls import Speaker, ToolDispatcher, ToolInvocation, ToolOutcome
from netra_backend.app.errors import AgentFailedError
from netra_backend.app.services.llm.chat_model import Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.events import Notifier
from netra_backend.app.world import World

#: The engine sends step 1 before it starts the agent.
FIRST_STEP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The task of an agent, and its user."""

    user: UserExecutionContext
    message: str
    history: tuple[Message, ...] = ()  #: the thread so far, oldest first
    tools: tuple[ToolSpec, ...] = ()  #: all offered tools; an agent uses only those in its `tool_names`
    results: Mapping[str, str] = field(default_factory=dict)  #: final answers of the agents that ran before, by agent name


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of an agent."""

    text: str
    step_count: int  #: the number of thinking steps that were sent
    data: Mapping[str, Any] = field(default_factory=dict)  #: JSON in addition to the text, for example triage's `data_sufficiency`


@dataclass(slots=True, kw_only=True)
class _Talk:
    """The state of one execution. It is a local variable, so that a shared agent does not mix two executions."""

    task: Task
    tools: tuple[ToolSpec, ...]
    messages: list[Message]
    steps: int = 0


class Agent:
    """One agent.

    The engine that executes the agent sets `user_id`, `run_id`, `emitter` and `dispatcher`; the agent reads them again for every event.
    """

    name: ClassVar[str]
    instructions: ClassVar[str]  #: the system prompt below its first line
    tool_names: ClassVar[tuple[str, ...] | None] = ()  #: names of the tools that the agent may use; None: all offered tools
    MAX_MODEL_CALLS: ClassVar[int] = 32

    def __init__(self, world: World) -> None:
        self.world = world
        self.user_id: str | None = None
        self.run_id: str | None = None
        self.emitter: Notifier | None = None
        self.dispatcher: ToolDispatcher | None = None

    async def execute(self, task: Task) -> Answer:
        """Do the task.

        Raises:
            AgentFailedError: the model still calls tools after `MAX_MODEL_CALLS` replies, or its answer cannot be used.
            ModelError: the model did not answer.
            Exception: any other error of a port, which `errors.py` does not define.
        """
        talk = _Talk(task=task, tools=self._usable(task), messages=self.conversation(task))
        await self._think(talk, "Reading the request.")
        await self._think(talk, "Asking the model.")
        for _ in range(self.MAX_MODEL_CALLS):
            message = await self._ask(talk)
            if not message.tool_calls:
                await self._think(talk, "Writing the answer.")
                return self.answer(message.content or "", talk.steps)
            outcomes = await self._use_tools(talk, message.tool_calls)
            await self._think(talk, f"Reading {outcomes} tool result{'s' if outcomes != 1 else ''}.")
        raise AgentFailedError(f"the {self.name} agent had no answer after {self.MAX_MODEL_CALLS} model calls")

    def conversation(self, task: Task) -> list[Message]:
        """Return the first messages: a prompt with the other agents' findings, the history without its system prompt, and the request."""
        history = task.history[1:] if task.history and task.history[0].role == "system" else task.history
        return [Message(role="system", content=self._prompt(task)), *history, Message(role="user", content=task.message)]

    def answer(self, text: str, step_count: int) -> Answer:
        """Return the answer in the model's last message."""
        return Answer(text=text, step_count=step_count)

    def _prompt(self, task: Task) -> str:
        findings = [f"What the {agent} agent found:\n{text}" for agent, text in task.results.items()]
        return "\n\n".join((f"You are the {self.name} agent of Netra.\n{self.instructions}", *findings))

    def _usable(self, task: Task) -> tuple[ToolSpec, ...]:
        if self.tool_names is None:
            return task.tools
        return tuple(tool for tool in task.tools if tool.function.name in self.tool_names)

    async def _ask(self, talk: _Talk) -> Message:
        reply = await self.world.model.complete(ModelRequest(messages=tuple(talk.messages), tools=talk.tools), lane=self.name)
        talk.messages.append(reply.message)
        return reply.message

    async def _use_tools(self, talk: _Talk, calls: Sequence[ToolCall]) -> int:
        arguments = [_arguments(call) for call in calls]
        invocations = [
            ToolInvocation(name=call.function.name, arguments=with_plan_id(call.function.name, parsed, self.world.ids, self.name))
            for call, parsed in zip(calls, arguments, strict=True)
            if parsed is not None
        ]
        outcomes = iter(await self._dispatch(talk, invocations))
        for call, parsed in zip(calls, arguments, strict=True):
            content = _MALFORMED if parsed is None else _shown(next(outcomes))
            talk.messages.append(Message(role="tool", content=content, tool_call_id=call.id, name=call.function.name))
        return len(calls)

    async def _dispatch(self, talk: _Talk, invocations: Sequence[ToolInvocation]) -> list[ToolOutcome]:
        if not invocations:
            return []
        if self.dispatcher is None:
            raise AgentFailedError(f"the {self.name} agent has no tool dispatcher; execute it through an engine")
        return await self.dispatcher.dispatch(invocations, talk.task.user, self._speaker)

    async def _think(self, talk: _Talk, reasoning: str) -> None:
        speaker = self._speaker()
        step = FIRST_STEP + talk.steps
        talk.steps += 1
        if speaker.notifier is not None and speaker.user_id and speaker.run_id:
            payload = events.thinking(reasoning, step)
            await speaker.notifier.notify("agent_thinking", payload, agent_name=self.name, user_id=speaker.user_id, run_id=speaker.run_id)

    def _speaker(self) -> Speaker:
        return Speaker(agent_name=self.name, user_id=self.user_id, run_id=self.run_id, notifier=self.emitter)


_MALFORMED = '{"error":"the arguments are no JSON object; call again with one"}'


def _arguments(call: ToolCall) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(call.function.arguments or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _shown(outcome: ToolOutcome) -> str:
    if outcome.error is not None:
        return msgspec.json.encode({"error": outcome.error}).decode()
    return outcome.value if isinstance(outcome.value, str) else msgspec.json.encode(outcome.value).decode()
