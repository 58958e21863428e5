"""A journal that never makes a run fail: its errors are reported, and the record is incomplete from there on."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TypeVarTuple

from migration.effects.journals.journal import Asked, Journal
from migration.errors import Operation
from migration.model import EffectError, EffectKind

_Ts = TypeVarTuple("_Ts")


class UnfailingJournal:
    """Records effects; its methods raise nothing.

    Args:
        journal: takes the effects.
        on_failure: called when the journal fails ("effects.record").
    """

    __slots__ = ("_journal", "_on_failure")

    def __init__(self, journal: Journal, on_failure: Callable[[Operation, BaseException], None]) -> None:
        self._journal, self._on_failure = journal, on_failure

    def ask(self, kind: EffectKind, name: str, lane: str, request: bytes, *, streamed: bool = False) -> Asked | None:
        """Give the effect its place. None: it was not recorded."""
        try:
            asked = self._journal.ask(kind, name, lane, request)
            if streamed:
                self._journal.stream(asked, None)
        except Exception as failure:  # noqa: BLE001 - recording must not change the run
            self._report(failure)
            return None
        return asked

    def answer(self, asked: Asked | None, reply: bytes) -> None:
        """Record the reply."""
        self._try(self._journal.answer, asked, reply)

    def stream(self, asked: Asked | None, chunk: bytes) -> None:
        """Record a piece of the reply. Called very often, so it does not use the shared helper."""
        try:
            self._journal.stream(asked, chunk)
        except Exception as failure:  # noqa: BLE001 - recording must not change the run
            self._report(failure)

    def end_stream(self, asked: Asked | None, *, whole: bool) -> None:
        """Record that no piece follows."""
        self._try(partial(self._journal.end_stream, whole=whole), asked)

    def fail(self, asked: Asked | None, error: BaseException) -> None:
        """Record the failure. A cancelled effect is recorded with the type "CancelledError": a replay does not answer it either."""
        self._try(self._fail, asked, error)

    def _fail(self, asked: Asked | None, error: BaseException) -> None:
        self._journal.fail(asked, EffectError(type=type(error).__name__, message=str(error)))

    def _try(self, step: Callable[[*_Ts], None], *about: *_Ts) -> None:
        try:
            step(*about)
        except Exception as failure:  # noqa: BLE001 - recording must not change the run
            self._report(failure)

    def _report(self, failure: Exception) -> None:
        self._journal.truncate()
        with contextlib.suppress(Exception):
            self._on_failure("effects.record", failure)
