"""LaunchDarkly: finds the stage of a request, reads flags from their sources, and lets operators edit flags."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.flags.decision import Decision, Flags
    from migration.flags.draw import MOST_LEVEL, REST, probability
    from migration.flags.intake.status import FlagStatus
    from migration.flags.serving import LaunchDarklyFlags
    from migration.flags.tenant_attributes import TenantAttributes
else:
    __getattr__ = front(
        __name__,
        {
            "Decision": "decision",
            "FlagStatus": "intake.status",
            "Flags": "decision",
            "LaunchDarklyFlags": "serving",
            "MOST_LEVEL": "draw",
            "REST": "draw",
            "TenantAttributes": "tenant_attributes",
            "probability": "draw",
        },
    )

__all__ = [
    "MOST_LEVEL",
    "REST",
    "Decision",
    "FlagStatus",
    "Flags",
    "LaunchDarklyFlags",
    "TenantAttributes",
    "probability",
]
