"""The tenants that a claimed rate is about; `outcomes` explains both claims. Does not need SciPy, so that a ramp can be read anywhere."""

from typing import Final, Literal

Claim = Literal["these tenants", "tenants like these"]
THESE: Final[Claim] = "these tenants"
LIKE_THESE: Final[Claim] = "tenants like these"
