"""Names of agents, models and tools in spans: only those that answered a call here, because a user can make up any other name."""

import re
from typing import Final

from migration.model import RunRecord

_FORM: Final = re.compile(r"[A-Za-z0-9_][\w./:@-]{0,99}\Z", re.ASCII)
_MOST: Final = 2_000

OTHER: Final = "_OTHER"
"""Stands for a name that is not known; OpenTelemetry's word for that."""


class KnownNames:
    """Learns names from runs. Its size is limited; at the limit it forgets all of them."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def learn(self, record: RunRecord) -> None:
        """Learn the names of calls that were answered, and the agents that made them or took part in a completed run."""
        known = self._known
        if len(known) > _MOST:
            known.clear()
        for effect in record.journal:
            if effect.error is None and effect.reply is not None and (effect.kind, effect.name) not in known and _FORM.match(effect.name):
                known.add((effect.kind, effect.name))
                known.add(("agent", agent_of(effect.lane)))
        if record.outcome == "completed":
            known.update([("agent", agent_of(event.lane)) for event in record.events if event.lane])

    def shown(self, kind: str, name: str) -> str:
        """Return the name, or `_OTHER`. `kind`: "agent", or the kind of an effect."""
        return name if (kind, name) in self._known and _FORM.match(name) else OTHER


def agent_of(lane: str) -> str:
    """Return the agent that a lane belongs to; "": the run itself."""
    return lane.partition("/")[0]
