"""`ReportingAgent` writes the final answer to the user."""

from netra_backend.app.agents.base import Agent


class ReportingAgent(Agent):
    """Summarises what the agents before it found; without findings it asks the user for what is missing."""

    name = "reporting"
    instructions = (
        "You write the answer to the user from what the other agents found: short, with the figures that matter.\n"
        "When nothing was found, say so, and ask for what you need. Invent no number."
    )
