"""Plants hidden users of engines in a copy of the tree, audits the copy, and counts which of them the audit sees."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from migration.consolidation.auditing import audit
from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.inventory import Implementation, Inventory
from migration.consolidation.removal.eyesight.kinds import HIDDEN_USERS, UsedEngine
from migration.consolidation.removal.manifest import SurfaceParts
from migration.consolidation.removal.uses import uses_of
from migration.consolidation.sources.discovery import discover
from migration.errors import ConfigurationError

_NAME: Final = "planted_user"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The planted users of one kind, and how many of them the audit saw."""

    kind: str
    planted: int
    seen: int
    visible: bool  #: whether the audit has to see them; see `kinds.HiddenUser`

    @property
    def recall(self) -> float:
        """The share that was seen, from 0 to 1; 0.0 if none was planted."""
        return self.seen / self.planted if self.planted else 0.0


class _Planted(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    kind: str


def eyesight(
    root: Path, configuration: AuditConfiguration, parts: Mapping[str, SurfaceParts], inventory: Inventory
) -> dict[str, tuple[Seen, ...]]:
    """Return for each surface which kinds of hidden users the audit sees, in the order of `HIDDEN_USERS`.

    Each kind is planted for each engine, at the top of the tree, in the top folder of the engine and next to the engine. The tree is copied
    and audited once for all surfaces; files that an audit does not read are not copied.

    Args:
        root: the root of the code base, absolute.
        configuration: the configuration of the audit of `root`.
        parts: surface -> its engines.
        inventory: the audit of `root`, which names the engines' classes.

    Raises:
        ConfigurationError: the tree cannot be copied.
    """
    with tempfile.TemporaryDirectory(prefix="netra-eyesight-") as folder:
        copy = Path(folder).resolve()
        try:
            _copy(root, copy, configuration)
            planted = _plant(copy, parts, inventory)
        except OSError as error:
            raise ConfigurationError(f"the tree cannot be copied to {tempfile.gettempdir()} ({error.strerror}); make room there") from error
        found = audit(copy, configuration=msgspec.structs.replace(configuration, base=str(copy)))
        return {surface: _seen(own, planted[surface], found, configuration) for surface, own in parts.items()}


def _copy(root: Path, copy: Path, configuration: AuditConfiguration) -> None:
    tree = discover(root, configuration)
    for file in (*tree.python, *tree.configuration, *tree.documents):
        target = copy / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file.path, target)


def _plant(copy: Path, parts: Mapping[str, SurfaceParts], inventory: Inventory) -> dict[str, list[_Planted]]:
    planted: dict[str, list[_Planted]] = {surface: [] for surface in parts}
    number = 0
    for surface, own in parts.items():
        for item in inventory.implementations:
            if item.path not in own.engines:
                continue
            engine = UsedEngine(module=item.module, name=item.name)
            for folder in _folders(item):
                for user in HIDDEN_USERS:
                    number += 1
                    path = ""
                    for name, text in user.plant(engine, f"{_NAME}_{number}", "." if folder else "").items():
                        path = folder + name
                        with (copy / path).open("x", encoding="utf-8") as file:
                            file.write(text)
                    planted[surface].append(_Planted(path=path, kind=user.kind))
    return planted


def _folders(item: Implementation) -> Iterator[str]:
    """Yield the folders in which users of an engine are planted, each "" or with `/` at its end."""
    own, slash, _ = item.path.rpartition("/")
    yield from dict.fromkeys(["", own.partition("/")[0] + slash, own + slash])


def _seen(parts: SurfaceParts, planted: list[_Planted], found: Inventory, configuration: AuditConfiguration) -> tuple[Seen, ...]:
    # A planted user counts as seen only if it prevents the removal of control.
    uses = uses_of(parts, found, configuration)
    visible = {use.path for use in (*uses.code, *uses.strings)}
    total = Counter(one.kind for one in planted)
    seen = Counter(one.kind for one in planted if one.path in visible)
    return tuple(Seen(kind=one.kind, planted=total[one.kind], seen=seen[one.kind], visible=one.visible) for one in HIDDEN_USERS)
