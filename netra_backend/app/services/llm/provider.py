"""Opens the model that the settings name."""

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
    """Return the model of the settings, without connecting yet."""
    if settings.model_provider == "openai":
        # Imported here because the SDK takes half a second to import, and replays and scripted answers do not need it.
        from netra_backend.app.services.llm.openai import OpenAIChatModel

        return OpenAIChatModel.from_settings(settings)
    return ScriptedChatModel(latency_s=settings.scripted_latency_ms / 1000)
