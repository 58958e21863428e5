"""`TriageAgent` decides how much data there is for an answer, and thereby which agents run next."""

from enum import StrEnum

import msgspec

from netra_backend.app.agents.base import Agent, Answer
from netra_backend.app.errors import AgentFailedError


class DataSufficiency(StrEnum):
    """How far the request can be answered from data."""

    SUFFICIENT = "sufficient"
    PARTIAL = "partial"
    INSUFFICIENT = "insufficient"


class _Verdict(msgspec.Struct, frozen=True):
    data_sufficiency: DataSufficiency
    reason: str = ""


class TriageAgent(Agent):
    """The `data` of its answer contains `data_sufficiency`."""

    name = "triage"
    instructions = (
        "You decide how a request about a company's spending on AI models can be answered.\n"
        'Answer with one JSON object and nothing else: {"data_sufficiency": ..., "reason": ...}. Set data_sufficiency to\n'
        '"sufficient" if the request asks about cost or savings, or names a model, so that numbers can answer it;\n'
        '"partial" if the request is about usage, but does not say what exactly is wanted;\n'
        '"insufficient" if the request is about something else, or nothing can be looked up for it.'
    )

    def answer(self, text: str, step_count: int) -> Answer:
        """Return the verdict in the model's answer.

        Raises:
            AgentFailedError: the text is not a verdict.
        """
        start, end = text.find("{"), text.rfind("}")  # models often wrap JSON in a code fence
        try:
            verdict = msgspec.json.decode(text[start : end + 1], type=_Verdict)
        except msgspec.DecodeError:
            raise AgentFailedError("the triage agent's model did not say how much data there is") from None
        data = {"data_sufficiency": verdict.data_sufficiency.value, "reason": verdict.reason}
        return Answer(text=verdict.reason or verdict.data_sufficiency.value, step_count=step_count, data=data)
