"""A comparer for a long-running process: policies and ledgers by surface, ledgers read again when their file changes."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from migration.comparison.compare import compare
from migration.comparison.judge.cross_talk import CrossTalk
from migration.comparison.judge.ledger import Ledger, load_ledger
from migration.comparison.judge.noise import NoiseFloor
from migration.comparison.limits import Limits
from migration.comparison.policy import Policy, default_policy
from migration.comparison.read.endings import ended
from migration.errors import LedgerError, Operation
from migration.model import Basis, Comparison, Event, Origin, RunRecord, Stage
from migration.sentence import Sentence
from migration.settings import MigrationSettings

_log = logging.getLogger(__name__)
_State = tuple[int, int, int] | None
_SILENCE = NoiseFloor()


class _Loaded(msgspec.Struct, frozen=True):
    ledger: Ledger
    digest: str  #: digest of the ledger's entries
    state: _State  #: status of the file when it was read; None: there was no file


class Comparer:
    """Compares runs of any surface.

    Args:
        ledger_dir: folder of `<surface>.toml`; None: nothing is accepted.
        policies: policies by surface; all other surfaces have the policy that their project configures.
        project: the project's file; None: the file that `migration.project` finds.
        limits: how much one comparison may read.
        noise: returns the noise of a surface; called for each comparison, so it must be quick.
        build: the build of the engines, for the basis of comparisons; "": not known.
        tool: the version of this tool, for the same basis; "": not known.
        today: returns the current day; an entry of a ledger counts if it is in force on this day.
        on_failure: called when a ledger can no longer be read; the last valid one is used.
    """

    def __init__(
        self,
        ledger_dir: Path | None = None,
        *,
        policies: Mapping[str, Policy] | None = None,
        project: Path | None = None,
        limits: Limits | None = None,
        noise: Callable[[str], NoiseFloor] = lambda _surface: _SILENCE,
        build: str = "",
        tool: str = "",
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        on_failure: Callable[[Operation, BaseException], None] = lambda _operation, _error: None,
    ) -> None:
        self._folder, self._policies, self._limits = ledger_dir, dict(policies or {}), limits or Limits()
        self._project = project
        self._noise, self._today, self._on_failure = noise, today, on_failure
        self._build, self._tool = build, tool
        self._bases: dict[str, Basis] = {}
        self._ledgers: dict[str, _Loaded] = {}
        self._files: dict[str, str] = {}  #: paths of the ledgers, by surface

    @classmethod
    def from_settings(
        cls,
        settings: MigrationSettings,
        on_failure: Callable[[Operation, BaseException], None],
        *,
        noise: Callable[[str], NoiseFloor] = lambda _surface: _SILENCE,
        build: str = "",
        tool: str = "",
    ) -> "Comparer":
        """Return a comparer for the configured surfaces; the other arguments are those of the class.

        Raises:
            LedgerError: a ledger is not valid.
            ConfigurationError: the policy of one of the surfaces is not valid, or there is none (`UnconfiguredSurfaceError`).
        """
        folder = settings.path(settings.ledger_dir)
        comparer = cls(folder, project=settings.project, noise=noise, build=build, tool=tool, on_failure=on_failure)
        for surface in settings.surfaces:
            comparer.policy(surface)
            comparer.ledger(surface)
        return comparer

    def compare(
        self,
        served: RunRecord,
        shadow: RunRecord,
        *,
        stage: Stage,
        reasons: Iterable[Sentence] = (),
        performed_by_shadow: int = 0,
        cross_talk: CrossTalk | None = None,
        lost: Sequence[Event] = (),
    ) -> Comparison:
        """Compare the run that the user saw with the one that shadowed it. The arguments are those of `compare.compare`.

        Raises:
            UnconfiguredSurfaceError: the surface has no policy.
            LedgerError: the surface's ledger was never valid since this comparer was made.
        """
        surface, serving, policy = served.request.surface, served.origin, self.policy(served.request.surface)
        served, shadow = ended(served, policy), ended(shadow, policy)
        control, candidate = (served, shadow) if serving is Origin.CONTROL else (shadow, served)
        ledger = self.ledger(surface)
        comparison = compare(
            control,
            candidate,
            stage=stage,
            serving=serving,
            policy=policy,
            ledger=ledger,
            noise=self._noise(surface),
            today=self._today(),
            limits=self._limits,
            reasons=reasons,
            performed_by_shadow=performed_by_shadow,
            cross_talk=cross_talk,
            lost=lost,
        )
        return msgspec.structs.replace(comparison, basis=self._basis(surface, policy))

    def _basis(self, surface: str, policy: Policy) -> Basis:
        """Return the basis of comparisons with this policy and with the ledger that was read last."""
        loaded, known = self._ledgers.get(surface), self._bases.get(surface)
        ledger = "" if loaded is None else loaded.digest
        if known is None or known.ledger != ledger:
            known = self._bases[surface] = Basis(policy=_digest(policy), ledger=ledger, build=self._build, tool=self._tool)
        return known

    def policy(self, surface: str) -> Policy:
        """Return the surface's policy.

        Raises:
            UnconfiguredSurfaceError: there is none.
        """
        policy = self._policies.get(surface)
        if policy is None:
            policy = self._policies[surface] = default_policy(surface, self._project)
        return policy

    def ledger(self, surface: str) -> Ledger:
        """Return the surface's ledger as its file is now. While the file is not valid, the last valid ledger is used.

        Raises:
            LedgerError: the file is not valid, and never was.
        """
        if self._folder is None:
            return _NOTHING_ACCEPTED
        path = self._files.get(surface)
        if path is None:
            path = self._files[surface] = str(self._folder / f"{surface}.toml")
        known, state = self._ledgers.get(surface), _state(path)
        if known is not None and known.state == state:
            return known.ledger
        try:
            ledger = load_ledger(Path(path))
        except LedgerError as error:
            if known is None:
                raise
            _log.warning("the ledger of %s is not valid, the last good one holds: %s", surface, error)
            self._on_failure("comparison.compare", error)
            ledger = known.ledger
        self._ledgers[surface] = _Loaded(ledger, _digest(ledger.entries), state)
        return ledger


_NOTHING_ACCEPTED = Ledger()


def _digest(content: object) -> str:
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]


def _state(path: str) -> _State:
    try:
        status = os.stat(path)  # noqa: PTH116 - a string: asked for each comparison
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
