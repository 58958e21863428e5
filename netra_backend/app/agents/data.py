"""`DataAgent` looks up what the company used and what it cost."""

from netra_backend.app.agents.base import Agent, Task


class DataAgent(Agent):
    """Reads usage and cost. It receives today's date, so that "last month" has a meaning."""

    name = "data"
    instructions = (
        "You find the numbers about a company's use of AI models: requests, tokens and cost, by model and by day.\n"
        "Call the tools; then state what they returned, with the figures. Invent no number."
    )
    tool_names = ("usage_summary", "cost_breakdown")

    def _prompt(self, task: Task) -> str:
        return f"{super()._prompt(task)}\nToday is {self.world.clock.now(lane=self.name).date().isoformat()}."
