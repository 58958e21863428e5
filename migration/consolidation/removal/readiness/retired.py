"""The flags of surfaces that are done: which of them are no longer needed, and what is done with those."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Literal

import msgspec

from migration.consolidation.removal.readiness.processes import processes
from migration.consolidation.removal.readiness.stages import tenant_stages
from migration.errors import ConfigurationError, FlagSourceError
from migration.flags.editors import FlagEditor, FlagRead, HostedEditor
from migration.flags.meaning import surface_flag_key
from migration.history import Entry, History
from migration.model import Stage
from migration.processes import ProcessTable, Told, Unreadable
from migration.settings import MigrationSettings

FlagState = Literal["needed", "ready", "archived", "gone"]
"""`needed`: it must stay; `ready`: it is no longer needed; `archived`: it was archived just now; `gone`: the source does not have it."""

_WHOLE = 100.0


class RetiredFlag(msgspec.Struct, frozen=True, kw_only=True):
    """The flag of one surface."""

    surface: str
    key: str
    state: FlagState
    detail: str  #: a sentence: why it is needed, or what to do with it


class RetiredFlags:
    """Lists the flags of surfaces, and archives those that are no longer needed.

    Args:
        settings: name flags, processes and history.
        editor: edits the flags.
    """

    def __init__(self, settings: MigrationSettings, editor: FlagEditor) -> None:
        self._settings, self._editor = settings, editor

    def listed(self, surfaces: Sequence[str]) -> list[RetiredFlag]:
        """Return the flag of each surface, in their order.

        Raises:
            FlagSourceError: the flags cannot be read.
            ProcessesError: the reports of processes cannot be read.
        """
        read = self._editor.read()
        with closing(ProcessTable.reading(self._settings)) as table:
            reports, unreadable = table.told(), table.unreadable()
        return [self._one(surface, read, reports, unreadable) for surface in surfaces]

    def archive(self, surfaces: Sequence[str], reason: str) -> list[RetiredFlag]:
        """Archive those flags of the surfaces that are no longer needed, and return the flag of each surface.

        Each flag is looked at directly before it is archived, and the history gets an entry.

        Raises:
            ConfigurationError: the source of the flags cannot archive.
            FlagSourceError: the flags cannot be read, or a flag was not archived; flags before it are.
            ProcessesError: the reports of processes cannot be read.
            HistoryError: a flag was archived, and the history has no entry for it.
        """
        editor = self._editor
        if not isinstance(editor, HostedEditor):
            raise ConfigurationError(f"{editor.name} does not archive flags; `netra-migration removal flags` says what to do with each")
        return [self._archived(editor, surface, reason) for surface in surfaces]

    def _archived(self, editor: HostedEditor, surface: str, reason: str) -> RetiredFlag:
        (found,) = self.listed([surface])
        if found.state != "ready":
            return found
        read = editor.read()
        flag = read.data.live(found.key)
        if flag is None:
            return msgspec.structs.replace(found, state="gone", detail=_GONE)
        if elsewhere := editor.requested_elsewhere(found.key):
            detail = (
                f"SDKs of other environments still ask for it ({', '.join(elsewhere)}), and an archived flag is archived in all of them."
            )
            return msgspec.structs.replace(found, state="needed", detail=detail)
        editor.archive(read, found.key, comment=reason)
        what = f"{found.key}: archived; every tenant was at `complete`, and no process evaluated it"
        with closing(History.of_settings(self._settings)) as history:
            history.append(
                Entry(
                    kind="edit", surface=surface, what=what, why=reason, source=editor.name, flag=found.key, version_before=flag["version"]
                )
            )
        return msgspec.structs.replace(found, state="archived", detail="It is archived in all environments; LaunchDarkly can restore it.")

    def _one(self, surface: str, read: FlagRead, reports: Sequence[Told], unreadable: Sequence[Unreadable]) -> RetiredFlag:
        key = surface_flag_key(surface)

        def found(state: FlagState, detail: str) -> RetiredFlag:
            return RetiredFlag(surface=surface, key=key, state=state, detail=detail)

        if read.data.live(key) is None and not any(problem.key == key for problem in read.problems):
            return found("gone", _GONE)
        if (elsewhere := _not_complete(read, surface)) is not None:
            return found("needed", elsewhere)
        running = processes(surface, reports, unreadable)
        return found("ready", _WHAT_TO_DO[self._settings.flags_source](key)) if running.met else found("needed", running.detail)


_GONE = "The source of the flags does not have it."
_WHAT_TO_DO: dict[str, Callable[[str], str]] = {
    "launchdarkly": lambda _: "No process needs it; `netra-migration removal flags --archive --reason TEXT` archives it.",
    "file": lambda key: (
        f"No process needs it; `netra-migration removal apply --write` removes it, or remove `{key}` from `flags` in the flag file."
    ),
    "redis": lambda key: f"No process needs it; remove the field `{key}` from the hash PREFIX:features in Redis (HDEL).",
}


def _not_complete(read: FlagRead, surface: str) -> str | None:
    """Return why not every tenant is at `complete`; None: every tenant is."""
    try:
        held = tenant_stages(read, surface)
    except FlagSourceError as error:
        return f"It cannot be evaluated: {error}."
    pinned = [tenant for tenant, stage in held.pins.items() if stage is not Stage.COMPLETE]
    if held.complete_percent is None:
        return "It cannot be shown that every tenant is at `complete`, because it uses more than targets of tenants and a rollout."
    if held.complete_percent < _WHOLE or pinned:
        return f"{held.complete_percent:g} % of the tenants are at `complete`, and {len(pinned)} are pinned to another stage."
    return None
