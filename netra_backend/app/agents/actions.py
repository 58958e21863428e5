"""`ActionsAgent` saves the advice of the other agents as a plan. No other agent of the chain stores anything."""

from netra_backend.app.agents.base import Agent
from netra_backend.app.agents.plan_ids import SAVE_PLAN


class ActionsAgent(Agent):
    """Saves one action plan; its id comes from the run."""

    name = "actions"
    instructions = (
        "You turn the findings into a plan: a title and the steps to take. Each step is one thing that a person can do.\n"
        "Save it once with the tool; then say what was saved."
    )
    tool_names = (SAVE_PLAN,)
