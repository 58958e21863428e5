"""`demo`: runs through all stages and shows them. Read `scenario` first: it lists the steps, and what must be true after each of them."""

from netra_backend.app.execution.demo.command import command

__all__ = ["command"]
