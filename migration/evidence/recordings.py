"""Stores whole served runs, so that a divergence can be replayed and minimised.

Only runs of tenants that allow their texts are stored, without secrets.
"""

import logging
import zlib
from collections.abc import Callable
from typing import Final

import msgspec

from migration.evidence.redaction import Redactor
from migration.evidence.rows import ComparedRuns, Row
from migration.model import Effect, RunRecord

logger = logging.getLogger(__name__)

WriteLine = Callable[[RunRecord], bytes]
"""Writes a run as one line of the recording format: `recordings.write_line`."""

#: Bytes of one line. A longer run is not stored: shorter ones probably show the same.
LIMIT_BYTES: Final = 2 * 2**20


class Recorder:
    """Makes the rows of stored recordings.

    Args:
        redactor: knows which tenants allow their texts; removes secrets.
        write: writes a run; None: nothing is stored.
        each: number of recordings to store for each kind of divergence.
    """

    def __init__(self, redactor: Redactor, write: WriteLine | None, *, each: int) -> None:
        self._redactor, self._write, self.each = redactor, write, each

    def row(self, finding: ComparedRuns) -> Row | None:
        """Return the row of a served run, without its comparison's id; None if the run must not be stored.

        A run with a breach of isolation is never stored: it may contain texts of another tenant, which may not allow this.
        """
        comparison = finding.comparison
        if self._write is None or not self._redactor.allows_text(comparison.tenant_id):
            return None
        if any(divergence.severity == "security" for divergence in comparison.divergences):
            return None
        try:
            line = self._write(self._without_secrets(finding.served.record))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            # The type alone: the message may quote what the run said.
            logger.error("run %s is not kept as a recording: %s", comparison.run_id, type(error).__name__)  # noqa: TRY400
            return None
        if len(line) > LIMIT_BYTES:
            logger.warning("run %s is not kept as a recording: %d bytes, the limit is %d", comparison.run_id, len(line), LIMIT_BYTES)
            return None
        return {"size_bytes": len(line), "line": zlib.compress(line)}

    def _without_secrets(self, record: RunRecord) -> RunRecord:
        """Return the parts of the run that a replay needs. Events are left out: both engines emit their own."""
        whole = self._redactor.whole
        asked, safe = record.request, self._redactor.without_secrets
        request = msgspec.structs.replace(asked, payload=whole(asked.payload), user_id=safe(asked.user_id), thread_id=safe(asked.thread_id))
        journal = tuple(self._effect(effect) for effect in record.journal)
        return msgspec.structs.replace(record, request=request, journal=journal, events=(), error=None)

    def _effect(self, effect: Effect) -> Effect:
        whole = self._redactor.whole
        return msgspec.structs.replace(
            effect,
            key="",  # a digest of the request as it was
            request=None if effect.request is None else whole(effect.request),
            reply=None if effect.reply is None else whole(effect.reply),
            error=None
            if effect.error is None
            else msgspec.structs.replace(effect.error, message=self._redactor.without_secrets(effect.error.message)),
        )
