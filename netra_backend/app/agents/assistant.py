"""`AssistantAgent`: a plain tool-calling loop with every tool on offer."""

from netra_backend.app.agents.base import Agent, Task
from netra_backend.app.services.llm.chat_model import Message


class AssistantAgent(Agent):
    """Model, tool calls, model, and so on, until it answers. A thread that brings its own system prompt replaces this one's."""

    name = "assistant"
    instructions = "You answer questions about a company's spending on AI models. Use the tools for every number. Invent no number."
    tool_names = None

    def conversation(self, task: Task) -> list[Message]:
        """Return the thread as it is when it has its own system prompt."""
        if task.history and task.history[0].role == "system":
            return [*task.history, Message(role="user", content=task.message)]
        return super().conversation(task)
