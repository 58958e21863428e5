"""`OptimizationAgent` works out how to spend less."""

from netra_backend.app.agents.base import Agent


class OptimizationAgent(Agent):
    """Reads prices and simulates switches."""

    name = "optimization"
    instructions = (
        "You find ways to spend less on AI models without losing quality.\n"
        "Look up prices and simulate switches with the tools; then rank the options by what they save. Invent no number."
    )
    tool_names = ("price_lookup", "simulate_switch")
