"""The composition root: joins the backend's engines and the migration. The only package that imports both.

`compose` builds the object that executes the API's requests (`backend.py`). `fresh_engine` builds one engine for a replay (`engines.py`,
with the table of all control engines); its effects are answered from a journal (`recorded_ports.py`). If a replay may read what the journal
does not contain, `ReadingEngines` is used instead of `fresh_engine`. `open_run_stores` is for `netra-migration backfill` (`run_stores.py`).
`check_conversations` checks that a surface and agent can answer the conversations of `netra-migration replay` (`conversations.py`). When
the last surface is done, this folder is removed and only `serving.py` remains.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netra_backend.app.execution.backend import BackendExecution, check_settings, compose
    from netra_backend.app.execution.conversations import check_conversations
    from netra_backend.app.execution.engines import CONTROLS, BackendEngine, ReadingEngines, fresh_engine
    from netra_backend.app.execution.recorded_ports import recorded
    from netra_backend.app.execution.run_stores import PlannedThreads, open_run_stores
else:
    _MODULES = {
        "BackendEngine": "engines",
        "BackendExecution": "backend",
        "CONTROLS": "engines",
        "PlannedThreads": "run_stores",
        "ReadingEngines": "engines",
        "check_conversations": "conversations",
        "check_settings": "backend",
        "compose": "backend",
        "fresh_engine": "engines",
        "open_run_stores": "run_stores",
        "recorded": "recorded_ports",
    }

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        """Import a name at its first use: a command line needs few of them."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = [
    "CONTROLS",
    "BackendEngine",
    "BackendExecution",
    "PlannedThreads",
    "ReadingEngines",
    "check_conversations",
    "check_settings",
    "compose",
    "fresh_engine",
    "open_run_stores",
    "recorded",
]
