"""Shows by evaluation which stage a flag gives each tenant, and which tenants an edit moves, before anything is written."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.flags.proofs.edit_proof import Aim, prove
    from migration.flags.proofs.rollout_bands import bands, bucket_of
    from migration.flags.proofs.setting_proof import ANYBODY, named_by_sampling, prove_failover, prove_sampling
    from migration.flags.proofs.stage_moves import Move
else:
    __getattr__ = front(
        __name__,
        {
            "ANYBODY": "setting_proof",
            "Aim": "edit_proof",
            "Move": "stage_moves",
            "bands": "rollout_bands",
            "bucket_of": "rollout_bands",
            "named_by_sampling": "setting_proof",
            "prove": "edit_proof",
            "prove_failover": "setting_proof",
            "prove_sampling": "setting_proof",
        },
    )

__all__ = [
    "ANYBODY",
    "Aim",
    "Move",
    "bands",
    "bucket_of",
    "named_by_sampling",
    "prove",
    "prove_failover",
    "prove_sampling",
]
