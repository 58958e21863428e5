"""Reads the standing of a step from the evidence: only the rows since the last reading, so that a decision costs little.

The counts are kept in the evidence database, so that another process can continue from them. An erasure or a pruning of the evidence also
removes these counts; then everything is read again.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from migration.comparison import load_ledger
from migration.errors import LedgerError, MigrationError
from migration.evidence import GateReader, Place
from migration.rollout.counting import Counting
from migration.rollout.ramp_file import Step
from migration.rollout.standing import Standing
from migration.settings import MigrationSettings
from migration.stages import PLANS

_DAY_S: Final = 86_400.0
_LEAST_S: Final = 60.0  #: a rate over a shorter time is not reliable
_KEEP_AFTER: Final = 2_000  #: the counts are stored again after this many runs; so few runs can be read again quickly
_KEEP_AFTER_S: Final = 30.0


class StandingReader:
    """Reads the standing of one step of a surface again and again.

    Args:
        settings: name the evidence and the ledger.
        surface: the step's surface.
        step: the step of the surface's ramp.
        since: when the step was taken, Unix seconds.
        keep: whether to keep the counts, and to create the evidence store if there is none.
        clock: Unix seconds.

    Raises:
        ConfigurationError: the URL of the evidence cannot be used.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        surface: str,
        step: Step,
        since: float,
        *,
        keep: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._surface, self._step, self._since = settings, surface, step, since
        self._keep, self._clock = keep, clock
        self._evidence = GateReader(settings.evidence()) if keep else GateReader.of_settings(settings)
        self._name = f"{step.name}, since {since:.3f}"
        self._begin()

    def read(self) -> Standing:
        """Return the standing as of now. If the evidence cannot be read, the standing says so."""
        try:
            self._read()
        except MigrationError as error:
            self._begin()  # some rows may be counted already: continue from the kept counts
            return replace(self._counting.standing, unreadable=str(error))
        return self._counting.standing

    def close(self) -> None:
        """Close the database."""
        self._evidence.close()

    def _begin(self) -> None:
        self._counting = Counting(self._step.gate, self._since, self._evidence.strata)
        self._place = Place()
        self._mark: str | None = None  #: identifies the kept counts that this reader continues
        self._fresh, self._kept_at, self._looked = 0, 0.0, False

    def _read(self) -> None:
        standing = self._counting.standing
        standing.expired = _expired(self._settings, self._surface)
        if PLANS[self._step.stage].shadows is None:
            return
        self._take_up()
        end, stage = self._evidence.end(), self._step.stage
        before = _drawn(self._counting.standing)
        new = self._evidence.compared(self._surface, stage, self._since, self._place.compared, end.compared)
        self._counting.compared(new)
        self._counting.unseen(self._evidence.unseen(self._surface, stage, self._since, self._place.unseen, end.unseen))
        self._place = end
        standing = self._counting.standing
        standing.expired = _expired(self._settings, self._surface)
        standing.noise_rounds = self._evidence.noise_rounds(self._surface)
        standing.injected, standing.seen = self._evidence.detections(self._surface, standing.basis)
        drawn = _drawn(standing)
        standing.runs_a_day = drawn / max(_LEAST_S, self._clock() - self._since) * _DAY_S
        self._fresh += abs(drawn - before)
        self._keep_counts()

    def _take_up(self) -> None:
        """Continue from the kept counts, at the start and after another process has written counts; begin again if they were removed."""
        mark = self._evidence.kept_mark(self._surface, self._name)
        if self._looked and mark == self._mark:
            return
        kept = self._evidence.kept(self._surface, self._name)
        self._begin()
        self._looked = True
        if kept is not None:
            self._mark = kept[0]
            place, counts = msgspec.msgpack.decode(kept[1], type=tuple[tuple[int, int], bytes])
            if self._counting.restore(counts):
                self._place = Place(*place)

    def _keep_counts(self) -> None:
        """Keep the counts: after the first reading, so that an erasure can be noticed, and then from time to time."""
        due = self._mark is None or self._fresh >= _KEEP_AFTER or (self._fresh and self._clock() - self._kept_at >= _KEEP_AFTER_S)
        if not (self._keep and due):
            return
        state = msgspec.msgpack.encode((tuple(self._place), self._counting.state()))
        mark = self._evidence.keep(self._surface, self._name, state, before=self._mark)
        if mark is not None:  # otherwise the next reading continues from the counts of another process
            self._mark, self._fresh, self._kept_at = mark, 0, self._clock()


def _drawn(standing: Standing) -> int:
    return standing.outcomes.compared + standing.outcomes.unseen


def _expired(settings: MigrationSettings, surface: str) -> tuple[str, ...]:
    """Return the ids of accepted divergences past their last day."""
    try:
        ledger = load_ledger(settings.path(settings.ledger_dir) / f"{surface}.toml")
    except LedgerError:
        return ("the whole ledger, which cannot be read",)
    return tuple(entry.id for entry in ledger.expired(datetime.now(UTC).date()))
