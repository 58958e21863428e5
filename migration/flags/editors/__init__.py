"""Edits flags: one module for each source."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.flags.editors.editor import FlagEditor, FlagRead
    from migration.flags.editors.file import FileEditor
    from migration.flags.editors.hosted import HostedEditor
    from migration.flags.editors.open import open_editor
else:
    __getattr__ = front(
        __name__,
        {
            "FileEditor": "file",
            "FlagEditor": "editor",
            "FlagRead": "editor",
            "HostedEditor": "hosted",
            "open_editor": "open",
        },
    )

__all__ = [
    "FileEditor",
    "FlagEditor",
    "FlagRead",
    "HostedEditor",
    "open_editor",
]
