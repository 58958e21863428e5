"""`netra-migration`, the command line for operators and engineers. One module for each command; `app` finds them."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.cli.app import main
    from migration.cli.divergence_page import print_detail
    from migration.cli.output import JsonFlag, print_json
else:
    __getattr__ = front(
        __name__,
        {
            "JsonFlag": "output",
            "main": "app",
            "print_detail": "divergence_page",
            "print_json": "output",
        },
    )

__all__ = [
    "JsonFlag",
    "main",
    "print_detail",
    "print_json",
]
