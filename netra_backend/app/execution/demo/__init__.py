"""`demo`: moves real chats through all stages and shows what happens.

Read `scenario` first: it lists the steps, and what must be true after each of them.
"""

from netra_backend.app.execution.demo.command import command

__all__ = ["command"]
