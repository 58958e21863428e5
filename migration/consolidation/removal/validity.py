"""How long a certificate is valid. The command's help needs it, and nothing else of this package."""

from typing import Final

VALID_DAYS: Final = 7.0
"""How long a certificate is valid by default."""
