"""`netra-migration`, the command line for operators and engineers. One module for each command; `app` finds them."""

from migration.cli.app import main

__all__ = ["main"]
