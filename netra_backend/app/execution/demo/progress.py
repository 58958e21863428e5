"""The facts so far, which are shown while the demo runs."""

from dataclasses import dataclass, field

from migration.history import Entry
from migration.model import Stage
from netra_backend.app.execution.demo.clients import Chat


@dataclass(slots=True)
class Progress:
    """The facts so far."""

    phase: str = "starting"
    stages: dict[str, Stage] = field(default_factory=dict)  #: by tenant
    chats: list[tuple[Stage, Chat]] = field(default_factory=list)  #: each with the stage whose plan it must have had
    decisions: list[Entry] = field(default_factory=list)  #: of the controller, the oldest first
    checks: list[tuple[bool, str]] = field(default_factory=list)

    def check(self, passed: bool, what: str) -> None:
        """Record a condition that must hold, and whether it holds."""
        self.checks.append((passed, what))
