"""The meaning of flags: reads them as LaunchDarkly's JSON, checks whether the SDK accepts them, and lets only the SDK evaluate them."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.flags.meaning.contexts import NO_ATTRIBUTES, Tenant
    from migration.flags.meaning.data import (
        CANDIDATE_FAILOVER,
        KILL_SWITCH,
        SHADOW_SAMPLING,
        TENANT_KIND,
        FlagData,
        FlagProblem,
        surface_flag_key,
    )
    from migration.flags.meaning.evaluation import FlagEvaluator, quiet_sdk, reason_in_words
    from migration.flags.meaning.weight_sums import weights_remark
else:
    __getattr__ = front(
        __name__,
        {
            "CANDIDATE_FAILOVER": "data",
            "FlagData": "data",
            "FlagEvaluator": "evaluation",
            "FlagProblem": "data",
            "KILL_SWITCH": "data",
            "NO_ATTRIBUTES": "contexts",
            "SHADOW_SAMPLING": "data",
            "TENANT_KIND": "data",
            "Tenant": "contexts",
            "quiet_sdk": "evaluation",
            "reason_in_words": "evaluation",
            "surface_flag_key": "data",
            "weights_remark": "weight_sums",
        },
    )

__all__ = [
    "CANDIDATE_FAILOVER",
    "KILL_SWITCH",
    "NO_ATTRIBUTES",
    "SHADOW_SAMPLING",
    "TENANT_KIND",
    "FlagData",
    "FlagEvaluator",
    "FlagProblem",
    "Tenant",
    "quiet_sdk",
    "reason_in_words",
    "surface_flag_key",
    "weights_remark",
]
