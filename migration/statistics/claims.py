"""Of whom a rate is claimed; what that means stands in `outcomes`. Without SciPy, so that a ramp can be read anywhere."""

from typing import Final, Literal

Claim = Literal["these tenants", "tenants like these"]
THESE: Final[Claim] = "these tenants"
LIKE_THESE: Final[Claim] = "tenants like these"
