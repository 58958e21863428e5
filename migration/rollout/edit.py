"""A proved edit, from the current flags to the processes that follow it.

1. read the flags, change one of them                        flags/editors/, flags/edits/surface_changes.py
2. prove it: which tenants move, and whether they may         preview.py
3. write it, unless another edit was written meanwhile        flags/editors/
4. wait for the processes, and report what they do            processes/confirmation.py
5. record it in the history                                  history/
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from migration.errors import EditConflictError, FlagSourceError, HistoryError, UnprovenEditError
from migration.flags import edits as flag_edits
from migration.flags.editors import FlagEditor, FlagRead, open_editor
from migration.flags.meaning import CANDIDATE_FAILOVER, SHADOW_SAMPLING, surface_flag_key
from migration.flags.proofs import Aim, Move, prove_failover, prove_sampling
from migration.history import Entry
from migration.model import Stage
from migration.processes import Confirmation, ask, control_folder
from migration.rollout.parts import EditParts
from migration.rollout.preview import Change, Preview, preview_stage, preview_switch
from migration.settings import MigrationSettings

Progress = Callable[[int], None]

_WAIT_S: Final = 3.0
_ASK_S: Final = 0.5
_TRIES: Final = 20
_KEPT_NAMES: Final = 50


def _silent(_tenants: int) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The result of an edit."""

    read: FlagRead  #: the flags, read after the edit
    confirmation: Confirmation  #: whether the processes follow the edit
    unkept: str | None  #: why the history has no entry for the edit; None: it has one


class Edits:
    """Edits flags for an operator. A context manager: it closes what it opened.

    Args:
        settings: name source, processes, run stores and history.
        editor: edits the flags; None: the editor that the settings name.
        wait_s: seconds to wait for the processes.

    Raises:
        ConfigurationError: the settings name no source that can be edited.
    """

    def __init__(self, settings: MigrationSettings, *, editor: FlagEditor | None = None, wait_s: float = _WAIT_S) -> None:
        self.editor = editor or open_editor(settings)
        self.parts = EditParts(settings)
        self._wait_s = wait_s

    def __enter__(self) -> Self:
        """Return itself: everything is opened on first use."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close databases."""
        self.parts.close()

    def share(
        self,
        surface: str,
        stage: Stage,
        percent: float = 100.0,
        rest: Stage | None = None,
        *,
        freed: Collection[str] = (),
        progress: Progress = _silent,
    ) -> Preview:
        """Return the effect of a percentage of a surface; `freed` tenants lose their pins. Raises ConfigurationError, FlagSourceError."""
        change = partial(flag_edits.share, surface=surface, stage=stage, percent=percent, rest=rest, freed=freed)
        return self._stage(surface, change, Aim(stage=stage, percent=percent), progress)

    def pin(self, surface: str, tenant_id: str, stage: Stage, *, progress: Progress = _silent) -> Preview:
        """Return the effect of pinning one tenant to a stage. Raises ConfigurationError, FlagSourceError."""
        return self.pin_each(surface, [tenant_id], stage, progress=progress)

    def pin_each(self, surface: str, tenants: Sequence[str], stage: Stage, *, progress: Progress = _silent) -> Preview:
        """Return the effect of pinning these tenants to a stage. Raises ConfigurationError, FlagSourceError."""
        change = partial(flag_edits.pin_each, surface=surface, tenants=tenants, stage=stage)
        return self._stage(surface, change, Aim(stage=stage, tenants=tuple(tenants)), progress)

    def unpin(self, surface: str, tenant_id: str, *, progress: Progress = _silent) -> Preview:
        """Return the effect of unpinning one tenant. Raises ConfigurationError, FlagSourceError."""
        return self._stage(surface, partial(flag_edits.unpin, surface=surface, tenant_id=tenant_id), None, progress)

    def sample(self, percent: float, surface: str | None, tenant_id: str | None, *, progress: Progress = _silent) -> Preview:
        """Return the effect of a new percentage of shadows. Raises ConfigurationError, FlagSourceError."""
        change = partial(flag_edits.sample, percent=percent, surface=surface, tenant_id=tenant_id)
        return preview_switch(self.parts, self.read(), SHADOW_SAMPLING, change, prove_sampling, progress=progress)

    def unsample(self, surface: str | None, tenant_id: str | None, *, progress: Progress = _silent) -> Preview:
        """Return the effect of removing a separate percentage. Raises ConfigurationError, FlagSourceError."""
        change = partial(flag_edits.unsample, surface=surface, tenant_id=tenant_id)
        return preview_switch(self.parts, self.read(), SHADOW_SAMPLING, change, prove_sampling, progress=progress)

    def fail_over(self, on: bool, surface: str | None, tenant_id: str | None, *, progress: Progress = _silent) -> Preview:
        """Return the effect of switching failover. Raises ConfigurationError, FlagSourceError."""
        change = partial(flag_edits.fail_over, on=on, surface=surface, tenant_id=tenant_id)
        return preview_switch(self.parts, self.read(), CANDIDATE_FAILOVER, change, prove_failover, progress=progress)

    def write(self, preview: Preview, *, forced: bool = False, reason: str = "") -> Written:
        """Write the previewed edit, wait for the processes, record it in the history.

        Args:
            preview: contains the flags that it was made from; no other edit may have been written since then.
            forced: whether objections are overridden.
            reason: the operator's words, for the history.

        Raises:
            UnprovenEditError: there is an objection, and the edit is not forced.
            EditConflictError: another edit was written in between.
            FlagSourceError: the source cannot be written; it is unchanged.
        """
        if preview.problems and not forced:
            raise UnprovenEditError(preview.surface or preview.key, preview.problems)
        what = _sentence(preview)
        found = self.editor.write(preview.read, preview.key, preview.flag, comment=f"{what}; {reason}" if reason else what)
        confirmation = self.parts.confirm(found.data.version, self._wait_s)
        return Written(read=found, confirmation=confirmation, unkept=self._keep(preview, found, confirmation, what, reason))

    def read(self) -> FlagRead:
        """Return the flags. A missing file is not replaced by a new one: the flags that processes still follow would be lost.

        Raises:
            FlagSourceError: the flags cannot be read, or are missing although processes follow them.
        """
        read = self.editor.read()
        if not read.data.flags and not read.problems:
            followed = max((row.flags_version or 0 for row in ask(control_folder(self.parts.settings.home), _ASK_S).rows), default=0)
            if followed:
                raise FlagSourceError(
                    f"{self.editor.name} has no flags, although processes of this host follow version {followed} of them; restore it"
                )
        return read

    def _stage(self, surface: str, change: Change, aim: Aim | None, progress: Progress) -> Preview:
        return preview_stage(self.parts, self.read(), surface, surface_flag_key(surface), change, aim=aim, progress=progress)

    def _keep(self, preview: Preview, found: FlagRead, confirmation: Confirmation, what: str, reason: str) -> str | None:
        old, new = preview.read.data.flags.get(preview.key), found.data.flags.get(preview.key, preview.flag)
        entry = Entry(
            kind="edit",
            surface=preview.surface or "",
            what=what,
            why=reason,
            source=self.editor.name,
            flag=preview.key,
            version_before=None if old is None else old["version"],
            version_after=new["version"],
            seen=confirmation.sentence(),
            tenants=tuple(dict.fromkeys(name for move in preview.moves for name in move.tenants[:_KEPT_NAMES])),
        )
        try:
            self.parts.keep(entry)
        except HistoryError as error:
            return str(error)
        return None


def repeated(make: Callable[[], Preview], write: Callable[[Preview], Written]) -> tuple[Preview, Written]:
    """Make and write an edit without asking a person. If another flag was edited meanwhile, prove the edit again and retry.

    Raises:
        EditConflictError: the same flag was edited meanwhile, or other flags were edited at every retry. `make` and `write` may raise
            further errors.
    """
    preview = make()
    for _ in range(_TRIES):
        try:
            return preview, write(preview)
        except EditConflictError:
            again = make()
            if again.read.data.flags.get(preview.key) != preview.read.data.flags.get(preview.key):
                raise
            preview = again
    return preview, write(preview)


def _sentence(preview: Preview) -> str:
    """Return the edit in words: how tenants move, and which objections were overridden."""
    done = [*(sentence(move, preview.surface) for move in preview.moves), *preview.shifts] or ["no tenant moves"]
    return f"{preview.key}: {'; '.join(done)}" + _against(preview)


def _against(preview: Preview) -> str:
    objections = (*preview.problems, *preview.overridden)
    return f"; forced, against: {'; '.join(objections)}" if objections else ""


def sentence(move: Move, surface: str | None) -> str:
    """Return the move in words, e.g. "10 % of the tenants: shadow -> live"."""
    where = "" if move.surface == surface else f"{move.surface}: "
    return f"{where}{move.who}: {move.before.value} -> {move.after.value}"
