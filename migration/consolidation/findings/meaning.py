"""What a name means: a module, an object, or an instance."""

from dataclasses import dataclass
from typing import Literal

MeaningKind = Literal["module", "object", "instance"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A module, an object that a module defines, or an instance of a class that a module defines."""

    kind: MeaningKind
    module: str
    name: str = ""  #: the name in that module, e.g. `ExecutionEngine.execute_agent`

    @property
    def text(self) -> str:
        """`module:name`, or the module's name."""
        return f"{self.module}:{self.name}" if self.name else self.module
