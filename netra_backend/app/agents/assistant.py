"""`AssistantAgent`: a plain tool-calling loop with all tools that are offered."""

from netra_backend.app.agents.base import Agent, Task
from netra_backend.app.services.llm.chat_model import Message


class AssistantAgent(Agent):
    """Alternates model calls and tool calls until the model answers. A system prompt in the thread replaces the agent's own."""

    name = "assistant"
    instructions = "You answer questions about a company's spending on AI models. Use the tools for every number. Invent no number."
    tool_names = None

    def conversation(self, task: Task) -> list[Message]:
        """Return the thread unchanged if it begins with a system prompt."""
        if task.history and task.history[0].role == "system":
            return [*task.history, Message(role="user", content=task.message)]
        return super().conversation(task)
