"""The two claims about a rate, which differ in the tenants that they cover; `outcomes` explains both. This module does not need SciPy, so
that every process can read a ramp.
"""

from typing import Final, Literal

Claim = Literal["these tenants", "tenants like these"]
THESE: Final[Claim] = "these tenants"
LIKE_THESE: Final[Claim] = "tenants like these"
