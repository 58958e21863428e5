"""Moves a surface along its ramp by proved edits. An edit is written only if the flag still has the version of the decision."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from migration.errors import EditConflictError, UnprovenEditError
from migration.flags.edits import share
from migration.flags.meaning import FlagData, FlagEvaluator, Tenant, quiet_sdk, surface_flag_key
from migration.flags.proofs import bands
from migration.history import Entry
from migration.model import Stage
from migration.processes import Told
from migration.rollout.edit import Edits
from migration.rollout.position import Position, pinned_stages, position_of
from migration.rollout.preview import Preview
from migration.rollout.ramp_file import Ramp
from migration.settings import MigrationSettings
from migration.stages import STAGE_ORDER

_WAIT_S = 1.0
_FENCE = "no tenant moves; the flag gets a higher version, so that an earlier move can no longer be written"
#: Seconds for which an answer of LaunchDarkly's REST API is reused, because its rate is limited; a move always checks the flag's version.
_HOSTED_S = 10.0
_ALL = 100.0


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a surface's flag."""

    position: Position | None  #: None: the flag does not show it
    version: int  #: 0: there is no flag
    killed: bool = False  #: whether the kill switch is on
    unfollowed: str | None = None  #: why it is not certain that all processes would follow a move; None: it is certain


class Mover(Protocol):
    """Reads and moves a surface. Every method raises MigrationError if the flags cannot be read or written; then nothing was changed."""

    def where(self, surface: str, ramp: Ramp, /) -> Where:
        """Return where the surface is on its ramp."""
        ...

    def move(self, surface: str, ramp: Ramp, to: Position, version: int, why: str, /, *, back: bool) -> str:
        """Move the surface, if its flag still has this version, and return what the processes do, as a sentence.

        Args:
            surface: its name.
            ramp: its ramp, with the tenants of the cohorts.
            to: its new position.
            version: the flag's version.
            why: the reason, for the history.
            back: whether this is a rollback, which is written even if it is not proved.

        Raises:
            EditConflictError: the flag has another version.
            UnprovenEditError: the edit is not proved to be right, and it is not a rollback.
        """
        ...

    def fence(self, surface: str, version: int, /) -> None:
        """Give the flag a higher version and change nothing else, so that a write based on this version is refused.

        Raises:
            EditConflictError: the flag has another version already.
        """
        ...

    def send_back(self, surface: str, tenants: Iterable[str], stage: Stage, why: str, /) -> None:
        """Pin these tenants to a stage."""
        ...


class EditMover:
    """Moves surfaces by the edits that operators' commands make.

    Args:
        settings: name the flags, processes and run stores.
    """

    def __init__(self, settings: MigrationSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._fresh_s = _HOSTED_S if settings.flags_source == "launchdarkly" else 0.0
        self._seen: dict[str, tuple[float, str, Where]] = {}

    def where(self, surface: str, ramp: Ramp, /) -> Where:
        """Return where the surface is. See `Mover`."""
        seen = self._seen.get(surface)
        if seen is not None and self._clock() - seen[0] < self._fresh_s and seen[1] == ramp.text:
            return seen[2]
        found = self._where(surface, ramp)
        self._seen[surface] = (self._clock(), ramp.text, found)
        return found

    def _where(self, surface: str, ramp: Ramp) -> Where:
        with Edits(self._settings, wait_s=_WAIT_S) as edits:
            data = edits.read().data
            told = edits.parts.processes()
        with quiet_sdk(), FlagEvaluator.of(data) as evaluator:
            killed = evaluator.killed(surface, Tenant(tenant_id="anybody"))
        killed |= self._settings.path(self._settings.emergency_file).exists()
        return Where(
            position=position_of(data, surface, ramp),
            version=_version(data, surface),
            killed=killed,
            unfollowed=_unfollowed(told, data.version),
        )

    def move(self, surface: str, ramp: Ramp, to: Position, version: int, why: str, /, *, back: bool) -> str:
        """Move the surface. See `Mover`."""
        self._seen.pop(surface, None)
        with Edits(self._settings, wait_s=_WAIT_S) as edits:
            data = edits.read().data
            if to.cohorts:
                preview = edits.pin_each(surface, _unpinned(data, surface, ramp, to.cohorts[-1]), to.stage)
            else:
                percent, rest = _back(data, surface, to) if back else (to.percent, None)
                preview = edits.share(surface, to.stage, percent, rest, freed=_freed(data, surface, ramp, to, back=back))
            _check_version(edits, preview, surface, version)
            return edits.write(preview, forced=back, reason=why).confirmation.sentence()

    def fence(self, surface: str, version: int, /) -> None:
        """Give the flag a higher version. See `Mover`."""
        self._seen.pop(surface, None)
        with Edits(self._settings, wait_s=0.0) as edits:
            read = edits.read()
            key = surface_flag_key(surface)
            flag = read.data.flags.get(key)
            if (0 if flag is None else flag["version"]) != version:
                raise EditConflictError(edits.editor.name, (f"{key} has another version than {version}",))
            raised = share(None, surface, Stage.OFF) if flag is None else {**flag, "version": version + 1}
            edits.editor.write(read, key, raised, comment=_FENCE)
            before, after = None if flag is None else version, raised["version"]
            source = edits.editor.name
            entry = Entry(
                kind="edit", surface=surface, what=f"{key}: {_FENCE}", source=source, flag=key, version_before=before, version_after=after
            )
            edits.parts.keep(entry)

    def send_back(self, surface: str, tenants: Iterable[str], stage: Stage, why: str, /) -> None:
        """Pin these tenants. See `Mover`."""
        with Edits(self._settings, wait_s=_WAIT_S) as edits:
            for tenant in sorted(tenants):
                preview = edits.pin(surface, tenant, stage)
                if preview.changes:
                    edits.write(preview, forced=True, reason=why)


def _unfollowed(told: Sequence[Told] | None, version: int) -> str | None:
    if not told:
        return "No process reports that it serves, so it is not known whether any process would follow."
    silent = [one.row.name for one in told if one.state == "silent"]
    behind = [one.row.name for one in told if one.state == "live" and (one.row.flags_version or 0) < version]
    if silent:
        return f"{', '.join(silent)}: silent, so it is not known which flags are followed."
    return f"{', '.join(behind)}: not yet at version {version} of the flags." if behind else None


def _check_version(edits: Edits, preview: Preview, surface: str, version: int) -> None:
    found = _version(preview.read.data, surface)
    if found != version:
        raise EditConflictError(edits.editor.name, (f"{preview.key}: version {version} -> {found}",))


def _version(data: FlagData, surface: str) -> int:
    flag = data.flags.get(surface_flag_key(surface))
    return 0 if flag is None else int(flag["version"])


def _unpinned(data: FlagData, surface: str, ramp: Ramp, cohort: str) -> list[str]:
    """Return the tenants of a cohort that no target names; the others stay where operators or a rollback have put them.

    Raises:
        UnprovenEditError: there are none.
    """
    pinned = pinned_stages(data, surface)
    found = [tenant for tenant in ramp.cohorts[cohort] if tenant not in pinned]
    if not found:
        raise UnprovenEditError(surface, (f"all tenants of {cohort} are pinned to an earlier stage; unpin those that may move",))
    return found


def _freed(data: FlagData, surface: str, ramp: Ramp, to: Position, *, back: bool) -> set[str]:
    """Return the tenants of cohorts that need no pin any more: all tenants reach their stage, or are rolled back behind it."""
    here = STAGE_ORDER.index(to.stage)
    if to.percent < _ALL:
        return set()
    pinned = {tenant: STAGE_ORDER.index(stage) for tenant, stage in pinned_stages(data, surface).items()}
    return {
        tenant
        for tenants in ramp.cohorts.values()
        for tenant in tenants
        if pinned.get(tenant) == here or (back and pinned.get(tenant, 0) > here)
    }


def _back(data: FlagData, surface: str, to: Position) -> tuple[float, Stage | None]:
    """Return the percentage at the rollback's stage, and the stage of the others (None: there are none), so that none moves forward."""
    drawn = bands(data, surface) or ()
    here = round(sum(band.percent for band in drawn if STAGE_ORDER.index(band.stage) >= STAGE_ORDER.index(to.stage)), 3)
    whole = not drawn or here >= _ALL or to.stage is STAGE_ORDER[0]
    return (_ALL, None) if whole else (here, STAGE_ORDER[0])
