"""`netra-migration`, the command line for operators and engineers. One module a command; `app` finds them."""

import os

# To look for plugins, pydantic opens every installed distribution; this command line uses none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from migration.cli.app import main

__all__ = ["main"]
