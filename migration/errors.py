"""All errors that this package raises, in one tree.

MigrationError
├── ConfigurationError              settings, files or import strings are wrong; the command line exits with 2
│   ├── UnknownNameError            a name that is not among the valid ones
│   │   ├── UnknownSurfaceError
│   │   │   └── UnconfiguredSurfaceError    the project has no TOML file for this surface
│   │   ├── UnknownStageError
│   │   ├── UnknownTenantError
│   │   └── UnknownFingerprintError     no divergence of this kind is known
│   ├── MissingExtraError           a library of an extra is not installed; also an ImportError
│   ├── BoundaryError               the kernel cannot separate engines of shadows from the outside
│   └── LedgerError                 an accepted-divergence file does not parse or lacks an owner, a reason or a last day
├── NotReadyError                   no flags are known yet, so the serving engine is not known
├── FlagSourceError                 flags cannot be read or written
│   └── EditConflictError           another editor changed the flags after they were read
├── RolloutError
│   ├── KillSwitchRefusedError      at `complete` the legacy store is no longer written
│   ├── UnprovenEditError           an edit breaks a rule of ramps, or is not proven to keep all of these rules
│   ├── HistoryMissingError         the stage reads from a run store that may lack runs
│   ├── RolloutStateError           the stored state of ramps cannot be read or written, or is not the expected one
│   │   └── LostLeaseError          another controller leads now, or another process changed the ramp
│   └── CertificateError            a removal certificate does not allow the removal
├── EffectMissingError              a replayed run needed an effect that its journal does not contain
├── ReadTimeoutError                an effect that a replay may perform had no reply in time
├── TakenOverError                  an effect was refused, because another engine has resumed its run
├── UnfinishedRunError              an engine's stream stopped before its end, and no other engine may resume the run
├── RecordedEffectError             the effect failed when it was recorded, so it fails again
├── ComparisonError                 two runs could not be compared at all
├── RecordingError                  a recording or a replay file cannot be read
│   └── MessageError                a message of a recorded conversation cannot be read
├── EvidenceError                   the evidence store cannot be read or written
├── HistoryError                    the history cannot be read or written
├── ProcessesError                  the reports of serving processes or the known tenants cannot be read or written
├── ErasureError                    the data of a tenant or user cannot be erased or searched for
├── OutboxError                     the outbox, or the stored facts about the run stores, cannot be read or written
└── StoreError                      a run store failed
    ├── StoreUnavailableError       the store cannot be reached, or accepts nothing now
    └── StoreRefusedError           the store will never accept this run
"""

from collections.abc import Iterable
from typing import Literal

Operation = Literal[
    "flags.evaluate",
    "flags.reload",
    "flags.track",
    "effects.record",
    "failover.watch",
    "shadow.govern",
    "shadow.offer",
    "shadow.run",
    "shadow.worker",
    "comparison.compare",
    "evidence.read",
    "evidence.write",
    "telemetry.export",
    "processes.heartbeat",
    "history.write",
    "stores.write",
    "stores.read",
    "stores.tombstones",
    "stores.proofs",
]
"""The places where the tool itself may fail. Such a failure is counted and logged; it never reaches the request."""


class MigrationError(Exception):
    """The root of the error tree."""


class ConfigurationError(MigrationError):
    """A setting, a file or a name given by a person is wrong."""


class MissingExtraError(ConfigurationError, ImportError):
    """A library that belongs to an extra of this package is not installed. Also an ImportError, for callers that can work without it.

    Args:
        library: the module that was not found.
        extra: the extra that installs it.
    """

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed; it belongs to an extra: pip install 'netra-strangler[{extra}]'")
        self.library, self.extra = library, extra


class UnknownNameError(ConfigurationError):
    """A name that is not among the valid ones."""

    what = "name"

    def __init__(self, name: str, valid: Iterable[str]) -> None:
        self.name, self.valid = name, tuple(valid)
        super().__init__(f"unknown {self.what} {name!r}; use one of: {', '.join(self.valid) or '(none are known yet)'}")


class UnknownSurfaceError(UnknownNameError):
    """There is no such surface."""

    what = "surface"


class UnconfiguredSurfaceError(UnknownSurfaceError):
    """The project has no TOML file for this surface, so the meaning of its streams is not known.

    Args:
        surface: the surface's name.
        configured: the surfaces that have a file.
        project: the file that names the surfaces; None: no project was found.
    """

    def __init__(self, surface: str, configured: Iterable[str], project: str | None) -> None:
        self.name, self.valid, self.project = surface, tuple(configured), project
        where = project or (
            "a pyproject.toml (none with [tool.netra-migration] was found in the working directory or above it; go there, or set "
            "NETRA_MIGRATION_PROJECT)"
        )
        ConfigurationError.__init__(
            self,
            f"unknown surface {surface!r}; use one of: {', '.join(self.valid) or '(none is configured)'}; or configure it: write its TOML "
            f'file, and `{surface} = "FILE"` under [tool.netra-migration.surfaces] of {where}',
        )


class UnknownStageError(UnknownNameError):
    """There is no such stage."""

    what = "stage"


class UnknownTenantError(UnknownNameError):
    """There is no such tenant."""

    what = "tenant"


class UnknownFingerprintError(UnknownNameError):
    """No divergence of this kind is known."""

    what = "fingerprint"


class BoundaryError(ConfigurationError):
    """The kernel cannot separate engines of shadows from the outside."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"this kernel does not provide a boundary for shadows: {missing}; run on Linux 5.13 or newer with Landlock, and if containers "
            "filter system calls, allow seccomp and landlock_*, or set NETRA_MIGRATION_SHADOW_BOUNDARY=interpreter: see SECURITY.md"
        )
        self.missing = missing


class LedgerError(ConfigurationError):
    """The ledger of accepted divergences is not valid."""


class NotReadyError(MigrationError):
    """No flags are known yet, so it is not known which engine serves."""

    def __init__(self, surface: str, why: str) -> None:
        super().__init__(
            f"{surface}: no run is served yet: {why}; `netra-migration stage set {surface} off --all` creates the flag, and with "
            "NETRA_MIGRATION_START_WITHOUT_FLAGS=off control serves until the flag exists"
        )
        self.surface, self.why = surface, why


class FlagSourceError(MigrationError):
    """Flags cannot be read or written."""


class EditConflictError(FlagSourceError):
    """Another editor changed the flags after they were read."""

    def __init__(self, source: str, changed: Iterable[str]) -> None:
        self.source, self.changed = source, tuple(changed)  #: what changed since, one sentence for each change
        what = "; ".join(self.changed) or "the text, but no value of a flag"
        super().__init__(f"{source}: another editor changed it in between ({what}); this edit was not made; check again and repeat it")


class RolloutError(MigrationError):
    """An operator's move is refused."""


class KillSwitchRefusedError(RolloutError):
    """The kill switch cannot send these tenants back."""

    def __init__(self, surface: str) -> None:
        super().__init__(
            f"{surface}: at `complete` the legacy run store is no longer written, so control would serve without the newest history; "
            f"set an earlier stage with `stage set {surface} rampdown --all` first"
        )
        self.surface = surface


class RolloutStateError(RolloutError):
    """The stored state of ramps cannot be read or written, or differs from the expected state."""


class LostLeaseError(RolloutStateError):
    """Another controller leads now, or another process has changed the ramp, so nothing was changed."""

    def __init__(self, surface: str) -> None:
        super().__init__(f"{surface}: another process changed its ramp meanwhile; nothing was changed; check the ramp again")
        self.surface = surface


class UnprovenEditError(RolloutError):
    """An edit breaks a rule of ramps, or is not proven to keep all of these rules. Each problem is a sentence with its evidence."""

    def __init__(self, surface: str, problems: Iterable[str]) -> None:
        self.surface, self.problems = surface, tuple(problems)
        super().__init__(f"{surface}: refused; nothing was changed: " + "; ".join(self.problems))


class HistoryMissingError(RolloutError):
    """A run store is not known to contain every run of the tenants that would depend on it."""

    def __init__(self, surface: str, stage: str, store: str, reason: str) -> None:
        super().__init__(
            f"{surface}: `{stage}` needs the thread history in the {store} store, and {reason}; "
            f"run `netra-migration backfill {surface} --to {store}` first"
        )
        self.surface, self.stage, self.store = surface, stage, store


class CertificateError(RolloutError):
    """A removal certificate cannot be issued, or does not allow the request."""


class EffectMissingError(MigrationError):
    """A replayed run needed an effect that its journal does not contain, so there is no reply."""

    def __init__(self, kind: str, name: str, lane: str, reason: str = "a shadow performs no effect") -> None:
        super().__init__(f"{kind} {name!r} of lane {lane!r} is not in the journal; {reason}")
        self.kind, self.name, self.lane = kind, name, lane


class ReadTimeoutError(MigrationError):
    """An effect that a replay may perform had no reply in time and was given up."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"there was no reply in {timeout_s:g} s")
        self.timeout_s = timeout_s


class TakenOverError(MigrationError):
    """An engine requested an effect after another engine had resumed its run, so the effect was not performed."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"another engine has resumed run {run_id}: no more effects are performed for the engine that failed")
        self.run_id = run_id


class UnfinishedRunError(MigrationError):
    """An engine's stream stopped before its end, and no other engine may resume the run."""

    def __init__(self, run_id: str, reason: str) -> None:
        super().__init__(f"run {run_id} stopped before its end, and cannot go on ({reason}); ask again")
        self.run_id, self.reason = run_id, reason


class RecordedEffectError(MigrationError):
    """The effect failed when it was recorded. Ports convert it to their own errors by `error_type`."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type, self.message = error_type, message


class ComparisonError(MigrationError):
    """Two runs could not be compared at all."""


class RecordingError(MigrationError):
    """A recording or a replay file cannot be read."""


class MessageError(RecordingError):
    """A message of a recorded conversation cannot be read. The error does not quote the message."""

    def __init__(self, index: int, what: str) -> None:
        super().__init__(f"messages[{index}] {what}")
        self.index = index


class EvidenceError(MigrationError):
    """The evidence store cannot be read or written."""


class HistoryError(MigrationError):
    """The history cannot be read or written."""


class ProcessesError(MigrationError):
    """The reports of serving processes, or the known tenants, cannot be read or written."""


class ErasureError(MigrationError):
    """The data of a tenant or user cannot be erased, or files cannot be searched for it."""


class OutboxError(MigrationError):
    """The outbox, or the stored facts about the run stores, cannot be read or written."""


class StoreError(MigrationError):
    """A run store failed. The message contains nothing of a run except its id."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached, or accepts nothing now; trying again may help."""


class StoreRefusedError(StoreError):
    """The store will never accept this run as it is."""
