"""The outcome of a run from a file that contains only its events. For a live run, the engine's adapter reports the outcome
(`effects.run_ended`).
"""

from collections.abc import Sequence
from pathlib import Path

from migration.comparison import default_policy, outcome_by
from migration.errors import UnknownSurfaceError
from migration.model import Event, Outcome


def outcome_of(surface: str, events: Sequence[Event], project: Path | None) -> Outcome | None:
    """Return the outcome of a stream that ended without an exception, by the project's `[[endings]]`; None: the project has no such
    surface.

    Args:
        surface: the surface of the stream.
        events: the events of the stream.
        project: the project's file; None: the one that is found (`migration.project`).

    Raises:
        ConfigurationError: the surface's configuration is not valid.
    """
    try:
        return outcome_by(default_policy(surface, project).endings, events)
    except UnknownSurfaceError:
        return None
