"""How tenants are moved: edits of flags that are proved before they are written, and looked after until processes follow."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.rollout.edit import Edits, Written, repeated, sentence
    from migration.rollout.flag_removal import remove_flags
    from migration.rollout.parts import Parts
    from migration.rollout.preview import Preview, moves_as_json
else:
    __getattr__ = front(
        __name__,
        {
            "Edits": "edit",
            "Parts": "parts",
            "Preview": "preview",
            "Written": "edit",
            "moves_as_json": "preview",
            "remove_flags": "flag_removal",
            "repeated": "edit",
            "sentence": "edit",
        },
    )

__all__ = [
    "Edits",
    "Parts",
    "Preview",
    "Written",
    "moves_as_json",
    "remove_flags",
    "repeated",
    "sentence",
]
