"""Changes the kill switch, and then checks the effect. Only the kill switch's own flag is changed and written, so that no other flag can
interfere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from migration.cli.paths import require_home
from migration.errors import EditConflictError, KillSwitchRefusedError
from migration.flags.editors import FlagEditor, FlagRead, open_editor
from migration.flags.edits import kill
from migration.flags.meaning import KILL_SWITCH, FlagData, FlagEvaluator, Tenant, quiet_sdk, surface_flag_key, weights_remark
from migration.model import Stage
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.history import Entry
    from migration.processes import Confirmation, ProcessRow

_TRIES: Final = 20
_NAMED: Final = 5
_FEW: Final = 10
_SAMPLE: Final = tuple(Tenant(tenant_id=f"sample-{number}") for number in range(200))


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchEffects:
    """The effect of the changed switch."""

    sentences: tuple[str, ...]
    killed: dict[str, bool]  #: surface -> whether control serves because of the switch, as far as the processes report
    refused: tuple[str, ...]  #: surfaces where the switch affects no tenant, since all tenants are at `complete`

    @property
    def reached(self) -> bool:
        """Whether the switch affects some tenants on every surface for which it was set."""
        return not self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """The switch as it was written, and read back."""

    on: bool
    surface: str | None  #: None: all surfaces
    surfaces: tuple[str, ...]  #: the surfaces that are being migrated
    source: str
    before: int | None  #: version of the switch's flag; None: the flag did not exist
    version: int
    data: FlagData  #: all flags that were read back
    warnings: tuple[str, ...]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The surfaces for which the switch was set."""
        return self.surfaces if self.surface is None else (self.surface,)

    @property
    def name(self) -> str:
        """What was done, in words."""
        return f"kill switch {'on' if self.on else 'off'} for {self.surface or 'all surfaces'}"

    def is_followed_by(self, row: "ProcessRow") -> bool:
        """Whether a process with this row uses the written state of the switch, or a newer one."""
        is_older = row.switch_version is not None and row.switch_version < self.version
        return not is_older and all(row.kill_switch.get(surface, self.on) is self.on for surface in self.chosen)

    def entry(self, found: "Confirmation", reason: str) -> "Entry":
        """Return the entry for the history."""
        from migration.history import Entry

        return Entry(
            kind="kill_switch",
            surface=self.surface or "",
            what=self.name if self.version != self.before else f"{self.name}, which it was already",
            why=reason,
            source=self.source,
            flag=KILL_SWITCH,
            version_before=self.before,
            version_after=self.version,
            seen=found.sentence(),
        )

    def effects(self, found: "Confirmation") -> SwitchEffects:
        """Return the effect of the switch as the processes report it. Without processes, return what a process that starts now would do."""
        from migration.processes import pinned

        with quiet_sdk(), FlagEvaluator.of(self.data) as evaluator:
            own = {surface: evaluator.killed(surface, _SAMPLE[0]) for surface in self.surfaces}
            tenants = [Tenant(tenant_id=one) for one in pinned(self.data)]
            unread = [_unread(evaluator, surface) or self._odd(surface) for surface in self.surfaces]
            stays = {surface: _stay(evaluator, surface, tenants, _complete(found.rows, surface)) for surface in self.chosen}
        killed = {
            surface: all(row.kill_switch.get(surface, own[surface]) for row in found.rows) if found.rows else own[surface]
            for surface in own
        }
        refused = tuple(surface for surface in self.chosen if self.on and stays[surface].everybody)
        said = [self._said(surface, stays[surface], confirmed=found.holds) for surface in self.chosen]
        return SwitchEffects(sentences=tuple(one for one in (*unread, *said) if one), killed=killed, refused=refused)

    def _odd(self, surface: str) -> str | None:
        key = surface_flag_key(surface)
        return weights_remark(key, self.data.live(key))

    def _said(self, surface: str, stays: "_Stay", *, confirmed: bool) -> str | None:
        if self.on and stays.everybody:
            return str(KillSwitchRefusedError(surface))
        if not confirmed:
            return None
        if not self.on:
            return f"{surface}: stages apply"
        return f"{surface}: control serves" + (f", but {stays.who} stay with the candidate: they are at `complete`" if stays.who else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stay:
    """The tenants that the kill switch does not affect."""

    everybody: bool
    who: str  #: in words; empty: none


def _unread(evaluator: FlagEvaluator, surface: str) -> str | None:
    """Return a sentence if the surface's flag cannot be evaluated."""
    if not evaluator.stage(surface, _SAMPLE[0]).failed:
        return None
    return f"{evaluator.evaluate(surface, _SAMPLE[0]).complaint}; the kill switch works nevertheless"


def _complete(rows: Sequence["ProcessRow"], surface: str) -> int:
    """Return how many known tenants are at `complete`, by the process that counts them; 0 if no process counted."""
    return max((row.stage_counts.get(surface, {}).get(Stage.COMPLETE.value, 0) for row in rows), default=0)


def _stay(evaluator: FlagEvaluator, surface: str, pinned: Sequence[Tenant], known: int) -> _Stay:
    named = [one.tenant_id for one in pinned if evaluator.evaluate(surface, one).stage is Stage.COMPLETE]
    # Usually no tenant is at `complete`, and a small sample shows that.
    sample = _SAMPLE if any(evaluator.stage(surface, one).stage is Stage.COMPLETE for one in _SAMPLE[:_FEW]) else ()
    share = sum(evaluator.stage(surface, one).stage is Stage.COMPLETE for one in sample) / len(_SAMPLE)
    parts = [f"about {share:.0%} of the tenants"] if share else []
    parts += [", ".join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")] if named else []
    if not share and known > len(named):  # a rule places these tenants without naming them
        parts.append(f"{known - len(named)} known tenants")
    return _Stay(everybody=share == 1.0 and len(named) == len(pinned), who=" and ".join(parts))


def turn(settings: MigrationSettings, *, on: bool, surface: str | None, reason: str) -> Turned:
    """Change the switch at the source. If another edit is made at the same time, both are kept, since this one must succeed.

    Raises:
        ConfigurationError: no source is configured, or this is the wrong folder; nothing was written.
        FlagSourceError: the source cannot be read or written; it is unchanged.
    """
    require_home(settings)
    editor = open_editor(settings)
    for left in reversed(range(_TRIES)):
        read = editor.read()
        try:
            return _turn(editor, read, settings.surfaces, on=on, surface=surface, reason=reason)
        except EditConflictError:
            if not left:
                raise
    raise AssertionError("unreachable")


def _turn(editor: FlagEditor, read: FlagRead, surfaces: tuple[str, ...], *, on: bool, surface: str | None, reason: str) -> Turned:
    old = read.data.flags.get(KILL_SWITCH)
    new = kill(old, on, surface, surfaces)
    after = read if new is old else editor.write(read, KILL_SWITCH, new, comment=reason or f"kill switch {'on' if on else 'off'}")
    problems = [f"{problem}; the kill switch works nevertheless" for problem in after.problems if problem.key != KILL_SWITCH]
    return Turned(
        on=on,
        surface=surface,
        surfaces=surfaces,
        source=editor.name,
        before=None if old is None else old["version"],
        version=after.data.flags[KILL_SWITCH]["version"],
        data=after.data,
        warnings=tuple(problems),
    )
