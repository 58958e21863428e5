"""Stores what is known about divergences: redacted, in SQL."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migration.evidence.key import digest_key
    from migration.evidence.reader import EvidenceReader
    from migration.evidence.redaction import Redactor
    from migration.evidence.store import EvidenceStore

__all__ = [
    "EvidenceReader",
    "EvidenceStore",
    "Redactor",
    "digest_key",
]

#: The module of each name: imported on first use, since a command line needs few of them.
_MODULES = {
    "EvidenceReader": "reader",
    "EvidenceStore": "store",
    "Redactor": "redaction",
    "digest_key": "key",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a name of this package."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
