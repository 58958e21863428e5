"""All uses of one legacy module in one file: they are rewritten together or not at all."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field

from migration.consolidation.codemod.read.bindings import Bindings, Bound
from migration.consolidation.codemod.read.source import AnyImport, Source
from migration.consolidation.codemod.read.uses import Suspect
from migration.consolidation.codemod.rewrite.edits import Edit
from migration.consolidation.codemod.rewrite.patches import OpenPatch, Patched
from migration.consolidation.codemod.rewrite.statements import Need


@dataclass(frozen=True, slots=True)
class Refusal:
    """A place that has to be changed by hand, and how."""

    line: int
    advice: str


@dataclass(frozen=True, slots=True)
class CodemodDecision:
    """How one place that uses a legacy module is rewritten, or why it is not."""

    module: str  #: the legacy module, or a module that re-exports its names
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
    escapes: int = 0
    checks: int = 0
    looks: int = 0
    replaces: int = 0
    patched_whole: tuple[str, ...] = ()
    makes: bool = False
    reshapes: bool = False
    together: frozenset[str] = frozenset()
    refusals: tuple[Refusal, ...] = ()


def refused(module: str, line: int, advice: str) -> CodemodDecision:
    """Return the decision to leave the file's uses of the module as they are; the advice says what to do by hand."""
    return CodemodDecision(module, refusals=(Refusal(line, advice),))


def unseen(module: str, line: int, advice: str, *, compares: bool = False) -> CodemodDecision:
    """Return this decision for a use that cannot be followed: it may make instances, and if `compares`, check the class of instances."""
    return CodemodDecision(module, makes=True, looks=line if compares else 0, refusals=(Refusal(line, advice),))


@dataclass(slots=True)
class Group:
    """The uses of one legacy module in one file.

    They are rewritten if no place is refused, neither in this group nor in a group that must be rewritten with this one.
    """

    module: str  #: the legacy module
    edits: list[Edit] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    gone: list[Bound] = field(default_factory=list)  #: imported names that are removed
    stars: list[AnyImport] = field(default_factory=list)  #: star imports of the module that are removed
    exports: dict[str, str | None] = field(default_factory=dict)  #: name that others may import from here -> new name; None: removed
    quoted: dict[str, str] = field(default_factory=dict)  #: the new name of each name in a quoted annotation
    patches: list[Patched] = field(default_factory=list)  #: patches of names in another consumer
    holders: dict[str, int] = field(default_factory=dict)  #: consumers from which a name is imported, with the line
    members: int = 0  #: number of uses of instances
    escapes: int = 0  #: the first line after which an instance can no longer be followed; 0: there is none
    checks: int = 0  #: the first line that checks the class of an object; 0: there is none
    looks: int = (
        0  #: the first line that takes the class as a value, so that it may be compared with the class of an object; 0: there is none
    )
    replaces: int = 0  #: the first line that patches the class in its own module, or a member of it; 0: there is none
    patched_whole: list[str] = field(default_factory=list)  #: the names among them that are replaced as a whole, by a string
    makes: bool = False  #: whether this file makes an instance
    reshapes: bool = False  #: whether a call of a method gets other arguments
    together: set[str] = field(default_factory=set)  #: legacy modules that may bind the same name in this file
    refusals: list[Refusal] = field(default_factory=list)

    def take(self, decision: CodemodDecision) -> None:
        """Add the decision on one more place."""
        self.edits += decision.edits
        self.needs += decision.needs
        self.gone += decision.gone
        self.stars += decision.stars
        self.exports |= decision.exports
        self.quoted |= decision.quoted
        self.patches += decision.patches
        self.holders = {**decision.holders, **self.holders}
        self.members += decision.members
        self.escapes = self.escapes or decision.escapes
        self.checks = self.checks or decision.checks
        self.looks = self.looks or decision.looks
        self.replaces = self.replaces or decision.replaces
        self.patched_whole += decision.patched_whole
        self.makes |= decision.makes
        self.reshapes |= decision.reshapes
        self.together |= decision.together
        for refusal in decision.refusals:
            self.refuse(refusal.line, refusal.advice)

    def refuse(self, line: int, advice: str) -> None:
        """Leave this group as it is; the advice says what to do by hand."""
        if (refusal := Refusal(line, advice)) not in self.refusals:
            self.refusals.append(refusal)

    def exchanges(self, other: "Group") -> bool:
        """Return whether instances may be passed from one file to the other, if one imports the other."""
        return bool((self.members and (other.members or other.makes)) or (other.members and self.makes))


@dataclass(frozen=True, slots=True)
class Analysis:
    """The decisions on one file."""

    path: str
    source: Source
    bindings: Bindings
    groups: Mapping[str, Group]  #: groups by legacy module
    suspects: tuple[Suspect, ...]
    open_patches: tuple[OpenPatch, ...] = ()


def grouped(decisions: Iterable[CodemodDecision], origin: Callable[[str], str]) -> dict[str, Group]:
    """Return the decisions on one file by legacy module; `origin` maps a module that re-exports names to the legacy module that defines
    them.
    """
    groups: dict[str, Group] = {}
    for decision in decisions:
        module = origin(decision.module)
        groups.setdefault(module, Group(module)).take(decision)
    return groups
