"""Everything in one file that has to do with one legacy module: rewritten together, or not at all."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field

from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import AnyImport, Source
from migration.consolidation.codemod.read.uses import Suspect
from migration.consolidation.codemod.rewrite.edits import Edit
from migration.consolidation.codemod.rewrite.statements import Need
from migration.consolidation.codemod.rewrite.strings import Patched


@dataclass(frozen=True, slots=True)
class Refusal:
    """A place that has to be changed by hand, and how."""

    line: int
    advice: str


@dataclass(frozen=True, slots=True)
class CodemodDecision:
    """How one place that uses a legacy module is rewritten, or why it is not."""

    module: str  #: the legacy module, or one that passes its names on
    _: KW_ONLY
    edits: tuple[Edit, ...] = ()
    needs: tuple[Need, ...] = ()
    gone: tuple[Bound, ...] = ()
    stars: tuple[AnyImport, ...] = ()
    exports: Mapping[str, str | None] = field(default_factory=dict)
    quoted: Mapping[str, str] = field(default_factory=dict)
    patches: tuple[Patched, ...] = ()
    holders: Mapping[str, int] = field(default_factory=dict)
    members: int = 0
    makes: bool = False
    reshapes: bool = False
    together: frozenset[str] = frozenset()
    refusals: tuple[Refusal, ...] = ()


def refused(module: str, line: int, advice: str) -> CodemodDecision:
    """Return the decision to leave what has to do with the module as it is; the advice is what has to be done by hand."""
    return CodemodDecision(module, refusals=(Refusal(line, advice),))


@dataclass(slots=True)
class Group:
    """One group. It is rewritten if nothing is refused, here or in a group that must be rewritten together with it."""

    module: str  #: the legacy module
    edits: list[Edit] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    gone: list[Bound] = field(default_factory=list)  #: imported names that go
    stars: list[AnyImport] = field(default_factory=list)  #: star imports of the module that go
    exports: dict[str, str | None] = field(default_factory=dict)  #: the later name of what others may import from here; None: it is removed
    quoted: dict[str, str] = field(default_factory=dict)  #: the later name of names in quoted annotations
    patches: list[Patched] = field(default_factory=list)  #: of names that another consumer has
    holders: dict[str, int] = field(default_factory=dict)  #: consumers that a name was imported from, with the line
    members: int = 0  #: uses of instances
    makes: bool = False  #: something here makes an instance
    reshapes: bool = False  #: a method's call gets other arguments
    together: set[str] = field(default_factory=set)  #: legacy modules that may give the same name in this file
    refusals: list[Refusal] = field(default_factory=list)

    def take(self, decision: CodemodDecision) -> None:
        """Add what was decided on one more place."""
        self.edits += decision.edits
        self.needs += decision.needs
        self.gone += decision.gone
        self.stars += decision.stars
        self.exports |= decision.exports
        self.quoted |= decision.quoted
        self.patches += decision.patches
        self.holders = {**decision.holders, **self.holders}
        self.members += decision.members
        self.makes |= decision.makes
        self.reshapes |= decision.reshapes
        self.together |= decision.together
        for refusal in decision.refusals:
            self.refuse(refusal.line, refusal.advice)

    def refuse(self, line: int, advice: str) -> None:
        """Leave this group as it is; the advice is what has to be done by hand."""
        if (refusal := Refusal(line, advice)) not in self.refusals:
            self.refusals.append(refusal)

    def exchanges(self, other: "Group") -> bool:
        """Return whether instances may go from one file to the other, when one imports the other."""
        return bool((self.members and (other.members or other.makes)) or (other.members and self.makes))


@dataclass(frozen=True, slots=True)
class Analysis:
    """One file."""

    path: str
    source: Source
    bindings: Bindings
    groups: Mapping[str, Group]  #: by legacy module
    suspects: tuple[Suspect, ...]


def grouped(decisions: Iterable[CodemodDecision], origin: Callable[[str], str]) -> dict[str, Group]:
    """Return the decisions on one file by legacy module; `origin` returns the legacy module whose names a module passes on."""
    groups: dict[str, Group] = {}
    for decision in decisions:
        module = origin(decision.module)
        groups.setdefault(module, Group(module)).take(decision)
    return groups
