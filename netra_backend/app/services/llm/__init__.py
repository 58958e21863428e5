"""The chat model port and its implementations: any OpenAI-compatible endpoint, and a scripted offline model."""
