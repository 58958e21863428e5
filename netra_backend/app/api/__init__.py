"""The backend's endpoints over HTTP and WebSocket, and their authentication."""
