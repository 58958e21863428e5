"""When a replay counts as failed. The command's help needs this word list, and nothing else of this package."""

from typing import Literal

Strictness = Literal["divergent", "inconclusive", "accepted"]
"""Which verdicts make a replay fail: divergent; divergent or inconclusive; all except match."""
