"""A guard while the consolidation lasts: no new implementation, no new consumer, and no return of removed code.

The baseline is a file in version control. It contains the allowed uses, and only shrinks unless a person accepts more.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from migration.consolidation.inventory import Inventory
from migration.errors import ConfigurationError

FindingKind = Literal["new-implementation", "new-consumer", "more-uses", "unreadable", "gone"]
"""`unreadable`: the file may use anything, because it cannot be parsed, for example because its syntax is newer than the running Python.
`gone`: the baseline still allows something that no longer exists, which could therefore return unnoticed."""


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The allowed uses."""

    implementations: tuple[str, ...]  #: legacy modules, sorted
    consumers: dict[str, dict[str, int]]  #: by file, then by legacy module: how many statements and strings name it
    unreadable: tuple[str, ...] = ()  #: files that name the family and cannot be parsed


class GuardFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A difference between the baseline and the tree."""

    kind: FindingKind
    path: str  #: the path of the consumer or of the implementation; "" for an implementation that no longer exists
    module: str
    allowed: int  #: number of uses; for an implementation or an unreadable file 0 or 1
    found: int
    detail: str = ""  #: why a file cannot be parsed

    @property
    def advice(self) -> str:
        """What is wrong, and what to do."""
        match self.kind:
            case "new-implementation":
                return f"{self.path}: a new implementation, {self.module}; extend the target instead"
            case "new-consumer":
                return f"{self.path}: a new consumer of {self.module}, which will be removed; use the target"
            case "more-uses":
                return f"{self.path}: uses {self.module} in {self.found} places, {self.allowed} are allowed; use the target"
            case "unreadable":
                return (
                    f"{self.path}: cannot be parsed ({self.detail}), so nothing is known about its uses; repair it, or run with its Python"
                )
            case "gone":
                return f"{self._gone()}; let the baseline shrink"

    def _gone(self) -> str:
        if self.path and not self.module:
            return f"{self.path} can be parsed now, but the baseline still lists it as unreadable"
        if self.path:
            return f"{self.path} uses {self.module} in fewer places than the baseline allows"
        return f"{self.module} was removed, but the baseline still allows it"


def baseline_of(inventory: Inventory) -> Baseline:
    """Return the uses in the tree: legacy implementations, and the files that name them in imports, code and configuration."""
    legacy = frozenset(implementation.module for implementation in inventory.legacy)
    uses: dict[str, Counter[str]] = {}
    for statement in inventory.imports:
        for module in legacy.intersection(statement.reaches):
            uses.setdefault(statement.path, Counter())[module] += 1
    for string in inventory.strings:
        if string.use != "path" and string.module in legacy:
            uses.setdefault(string.path, Counter())[string.module] += 1
    consumers = {path: dict(sorted(uses[path].items())) for path in sorted(uses)}
    return Baseline(implementations=tuple(sorted(legacy)), consumers=consumers, unreadable=tuple(sorted(_unreadable(inventory))))


def guard_findings(inventory: Inventory, baseline: Baseline) -> tuple[GuardFinding, ...]:
    """Return the differences, growth first."""
    there = baseline_of(inventory)
    paths = {implementation.module: implementation.path for implementation in inventory.implementations}
    found = [_implementation(module, paths[module], 0, 1) for module in there.implementations if module not in baseline.implementations]
    found += [_implementation(module, "", 1, 0) for module in baseline.implementations if module not in there.implementations]
    for path, module in sorted({*_pairs(there.consumers), *_pairs(baseline.consumers)}):
        allowed, now = baseline.consumers.get(path, {}).get(module, 0), there.consumers.get(path, {}).get(module, 0)
        if now != allowed:
            kind: FindingKind = "gone" if now < allowed else "more-uses" if allowed else "new-consumer"
            found.append(GuardFinding(kind=kind, path=path, module=module, allowed=allowed, found=now))
    unreadable = _unreadable(inventory)
    for path in sorted({*unreadable, *baseline.unreadable}):
        if (path in unreadable) != (path in baseline.unreadable):
            kind = "unreadable" if path in unreadable else "gone"
            now = int(path in unreadable)
            found.append(GuardFinding(kind=kind, path=path, module="", allowed=1 - now, found=now, detail=unreadable.get(path, "")))
    return tuple(sorted(found, key=lambda item: (item.kind == "gone", item.path, item.module)))


def shrunk(inventory: Inventory, baseline: Baseline) -> Baseline:
    """Return the baseline without uses that no longer exist. It never allows more than before."""
    there = baseline_of(inventory)
    consumers = {
        path: kept
        for path, modules in baseline.consumers.items()
        if (
            kept := {
                module: least for module, count in modules.items() if (least := min(count, there.consumers.get(path, {}).get(module, 0)))
            }
        )
    }
    implementations = tuple(module for module in baseline.implementations if module in there.implementations)
    return Baseline(implementations, consumers, tuple(path for path in baseline.unreadable if path in there.unreadable))


def load_baseline(file: Path) -> Baseline:
    """Return the baseline in a file.

    Raises:
        ConfigurationError: there is no such file, or it is not a baseline.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Baseline)
    except FileNotFoundError:
        raise ConfigurationError(f"{file}: there is no baseline; make one with `netra-migration guard --accept`") from None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"{file}: is not a baseline ({error}); restore it from version control") from error


def save_baseline(file: Path, baseline: Baseline) -> None:
    """Write a baseline, one entry on each line, so that two branches rarely change the same line.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(baseline, order="deterministic"), indent=2) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror}); give another path") from error


def _unreadable(inventory: Inventory) -> dict[str, str]:
    """Return the files that name the family and cannot be parsed, each with the reason."""
    return {problem.path: problem.detail for problem in inventory.problems if problem.kind in {"unparsable", "encoding"}}


def _implementation(module: str, path: str, allowed: int, found: int) -> GuardFinding:
    kind: FindingKind = "new-implementation" if found else "gone"
    return GuardFinding(kind=kind, path=path, module=module, allowed=allowed, found=found)


def _pairs(consumers: Mapping[str, Mapping[str, int]]) -> set[tuple[str, str]]:
    return {(path, module) for path, modules in consumers.items() for module in modules}
