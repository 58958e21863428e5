"""`demo`: the whole way, watched. Read `scenario` first: it is the list of what happens and of what must have happened."""

from netra_backend.app.execution.demo.command import command

__all__ = ["command"]
