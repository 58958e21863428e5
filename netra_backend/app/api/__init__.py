"""HTTP and WebSocket entry points: auth, chat, health."""
