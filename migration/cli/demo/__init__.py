"""`demo`: the whole way, watched. Read `scenario` first: it is the list of what happens and of what must have happened."""

from migration.cli.demo.command import command

__all__ = ["command"]
