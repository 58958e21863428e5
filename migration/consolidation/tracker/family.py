"""Checks of the audit's findings (implementations and their consumers), and of guard and codemod, which use the audit."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from migration.consolidation.inventory import Inventory
from migration.consolidation.tracker.checks import Check, code, counted, judgement, listed, shell
from migration.consolidation.tracker.steps import Judgement
from migration.consolidation.tracker.testfiles import is_test_file
from migration.consolidation.tracker.tree import STAYING, TrackedTree

_AUDIT: Final = shell("netra-migration", "audit")
_INVENTORY: Final = shell("netra-migration", "audit", "--inventory", "build/audit.json")


class KnownCheck(Check, frozen=True, kw_only=True, tag="implementations"):
    """All implementations are known to the project and have the expected role, and the target and its factory exist."""

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if no implementation is new or changed its role, and target and factory exist."""
        found = {item.path: item.role for item in tree.inventory.implementations}
        faults = [f"there is no {role}" for role in sorted(STAYING) if role not in found.values()]
        if tree.expected:
            faults += [f"{code(path)} is new" for path in found if path not in tree.expected]
            faults += [
                f"{code(path)} is {found[path]}, but {role} was expected"
                for path, role in tree.expected.items()
                if found.get(path, role) != role
            ]
            gone = len(tree.expected.keys() - found.keys())
            fine = f"{len(found)} of {len(tree.expected)} exist." if gone else f"{len(found)} implementations, as expected."
        else:
            fine = f"{len(found)} implementations."
        return judgement(faults, fine)

    @property
    def command(self) -> str:
        """The audit, which lists the implementations."""
        return _AUDIT


class Nothing(Check, frozen=True, kw_only=True, tag="audit"):
    """The audit finds nothing of a kind."""

    none: Literal["problems", "broken-imports", "misfits", "strings"]
    #: files that could not be read; broken imports; calls that do not fit their callee; strings that name what must be removed

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if the audit has no such finding."""
        places = tuple(dict.fromkeys(_places(tree.inventory, self.none)))
        return Judgement(not places, f"{listed(places)}." if places else "The audit has no such finding.")

    @property
    def command(self) -> str:
        """The audit, with every finding as JSON."""
        return _INVENTORY


class Characterised(Check, frozen=True, kw_only=True, tag="characterised"):
    """Tests use an implementation."""

    of: str  #: the implementation's path

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if a test file uses the implementation and has a sound test, or if the implementation was removed."""
        if not tree.is_there(self.of):
            return Judgement(done=True, evidence="It was removed, with its tests.")
        files = self._files(tree)
        if not files:
            return Judgement(done=False, evidence="No test uses it.")
        return Judgement(done=True, evidence=f"In {listed(files)}.")

    @property
    def command(self) -> str:
        """The audit, with every finding as JSON; its imports include those of test files."""
        return _INVENTORY

    def _files(self, tree: TrackedTree) -> list[str]:
        users = users_of(tree.inventory, tree.module(self.of))
        return [path for path in users if is_test_file(path) and tree.tests_of(path).sound]


class Unused(Check, frozen=True, kw_only=True, tag="unused"):
    """No file imports or names an implementation."""

    of: str  #: the implementation's path

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if no file uses the implementation."""
        users = users_of(tree.inventory, tree.module(self.of))
        doubles = [path for path in users if set(path.split("/")[:-1]).intersection(tree.configuration.doubles)]
        code_of_its_own = [path for path in users if path not in doubles]
        parts = [listed(code_of_its_own)] if code_of_its_own else []
        parts += [counted(len(doubles), "test file", "test files")] if doubles else []
        return Judgement(not users, f"Used by {', and by '.join(parts)}." if parts else "Used by no file.")

    @property
    def command(self) -> str:
        """The audit, which counts the consumers of each implementation."""
        return _AUDIT


class Guarded(Check, frozen=True, kw_only=True, tag="guard"):
    """The guard's baseline allows exactly the uses in the tree."""

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if there is no new use, and the baseline allows no use that no longer exists."""
        findings = [finding.advice for finding in tree.guard_findings]
        return Judgement(not findings, f"{findings[0]}; {counted(len(findings), 'finding')}." if findings else "The guard finds nothing.")

    @property
    def command(self) -> str:
        """The guard."""
        return shell("netra-migration", "guard")


class RewrittenCheck(Check, frozen=True, kw_only=True, tag="codemod"):
    """The codemod has nothing to rewrite and leaves nothing to a person."""

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if both are true. This cannot be while an implementation has consumers, so the codemod runs only if none has any."""
        left = {path for item in tree.inventory.legacy for path in users_of(tree.inventory, item.module)}
        if left:
            return Judgement(done=False, evidence=f"{counted(len(left), 'consumer').capitalize()} left.")
        made = tree.codemod
        # The project's own configuration names the implementations on purpose, until the last one is removed.
        by_hand = [item for item in made.advice if item.path not in tree.own]
        faults = [f"{code(change.path)} must be rewritten" for change in made.changes]
        faults += [f"{code(f'{item.path}:{item.line}')} is left to a person" for item in by_hand]
        faults += [f"{code(item.path)} could not be read" for item in made.problems]
        return judgement(faults, "Nothing is left.")

    @property
    def command(self) -> str:
        """The codemod, which writes nothing without `--apply`."""
        return shell("netra-migration", "codemod")


class Alone(Check, frozen=True, kw_only=True, tag="alone"):
    """The target and its factory are the only implementations."""

    def judge(self, tree: TrackedTree) -> Judgement:
        """Tick the box if the audit finds these two and no other implementation."""
        roles, others = {item.role for item in tree.inventory.implementations}, len(tree.inventory.legacy)
        faults = [counted(others, "other implementation exists", "other implementations exist")] if others else []
        faults += [f"there is no {role}" for role in sorted(STAYING - roles)]
        return judgement(faults, "The audit finds no other implementation.")

    @property
    def command(self) -> str:
        """The audit, which lists the implementations."""
        return _AUDIT


def users_of(inventory: Inventory, module: str) -> list[str]:
    """Return the files, sorted, that import an implementation's module, use it as an attribute, or name it in a string; the module
    itself is not included.
    """
    own = {item.path for item in inventory.implementations if item.module == module}
    users = {statement.path for statement in inventory.imports if module in statement.reaches}
    users.update(use.path for use in inventory.attribute_uses if use.module == module)
    users.update(string.path for string in inventory.strings if string.module == module and string.use != "path")
    return sorted(users - own)


def _places(inventory: Inventory, kind: str) -> Iterator[str]:
    """Yield the files with findings of one kind."""
    legacy = {item.module for item in inventory.legacy}
    found: dict[str, Iterable[str]] = {
        "problems": (item.path for item in inventory.problems),
        "broken-imports": (item.path for item in inventory.broken_imports),
        "misfits": (call.path for call in inventory.calls if call.misfit),
        "strings": (string.path for string in inventory.strings if string.use != "path" and string.module in legacy),
    }
    yield from found[kind]
