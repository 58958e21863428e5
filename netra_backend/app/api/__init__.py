"""What the backend answers over HTTP and WebSocket: authentication, chat, health."""
