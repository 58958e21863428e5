"""Which model answers: the settings say."""

from typing import Protocol

from netra_backend.app.config import Settings
from netra_backend.app.services.llm.chat_model import ChatModel
from netra_backend.app.services.llm.scripted import ScriptedChatModel


class OpenChatModel(ChatModel, Protocol):
    """A model that its creator must close."""

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        ...


def open_chat_model(settings: Settings) -> OpenChatModel:
    """Return the model of the settings; connects to nothing yet."""
    if settings.model_provider == "openai":
        # The SDK takes half a second to import, which processes that replay or answer from a script are spared.
        from netra_backend.app.services.llm.openai import OpenAIChatModel

        return OpenAIChatModel.from_settings(settings)
    return ScriptedChatModel(latency_s=settings.scripted_latency_ms / 1000)
