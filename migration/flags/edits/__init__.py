"""Edits of flags, as pure functions on one flag's JSON."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.flags.edits.surface_changes import new_surface_flag, pin, pin_each, pins, share, unpin
    from migration.flags.edits.switch_changes import fail_over, kill, sample, unsample
    from migration.flags.edits.targets import Flag
else:
    __getattr__ = front(
        __name__,
        {
            "Flag": "targets",
            "fail_over": "switch_changes",
            "kill": "switch_changes",
            "new_surface_flag": "surface_changes",
            "pin": "surface_changes",
            "pin_each": "surface_changes",
            "pins": "surface_changes",
            "sample": "switch_changes",
            "share": "surface_changes",
            "unpin": "surface_changes",
            "unsample": "switch_changes",
        },
    )

__all__ = [
    "Flag",
    "fail_over",
    "kill",
    "new_surface_flag",
    "pin",
    "pin_each",
    "pins",
    "sample",
    "share",
    "unpin",
    "unsample",
]
