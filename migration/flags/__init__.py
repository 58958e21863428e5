"""LaunchDarkly: the stage of a request, the sources of flags, and how operators edit flags."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.flags.decision import Decision, Flags
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
            "TenantAttributes": "tenant_attributes",
        },
    )

__all__ = [
    "Decision",
    "FlagStatus",
    "Flags",
    "LaunchDarklyFlags",
    "TenantAttributes",
]
