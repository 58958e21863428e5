"""Makes redacted rows from runs, comparisons and divergences. Everything that is written to a table passes through here."""

import logging
import re
from collections.abc import Sequence
from typing import Any, Protocol, get_args

import msgspec

from migration.evidence.bases import BasisRows
from migration.evidence.excerpt import Aligner, redacted
from migration.evidence.redaction import Redactor
from migration.evidence.scrub import free_texts, scrub
from migration.model import Comparison, Divergence, DivergenceKind, Origin, RunRecord, Verdict

logger = logging.getLogger(__name__)

Row = dict[str, Any]

_BEST_TO_WORST = tuple(Verdict)
_MAX_SENTENCE = 400
#: a consequence of a divergence, and the end of a shortened list of consequences: see `Divergence.follows`
_CLAUSE = re.compile(
    rf"(?P<kind>{'|'.join(get_args(DivergenceKind))}) (?P<path>.*?)(?: of (?P<lane>.*?))?(?P<times>, \d+ times)?", re.DOTALL
)
_MORE = re.compile(r"\d+ more")
_HEX = re.compile(r"[0-9a-f]{1,32}\Z")


class ServedRun(Protocol):
    """The served run and its shadow: a `shadow.job.ShadowJob`."""

    @property
    def record(self) -> RunRecord:
        """The served run."""
        ...

    @property
    def shadows(self) -> Origin:
        """The engine that ran as the shadow."""
        ...

    @property
    def probability(self) -> float:
        """The probability with which the run was drawn for shadowing."""
        ...

    @property
    def span_id(self) -> str | None:
        """The served run's span; None when it was not traced."""
        ...


class ComparedRuns:
    """One compared pair of runs, on its way into the store.

    Args:
        served: the served run.
        shadow: the shadow run.
        comparison: the comparison of both runs.
    """

    def __init__(self, served: ServedRun, shadow: RunRecord, comparison: Comparison) -> None:
        self.served, self.shadow, self.comparison = served, shadow, comparison
        self._texts: str | None = None

    @property
    def texts(self) -> str:
        """Texts that stored sentences must not quote. They are collected on first use, because a match does not need them."""
        if self._texts is None:
            self._texts = free_texts(self.served.record, self.shadow, found=self.comparison.divergences)
        return self._texts

    def divergences(self) -> dict[str, list[Divergence]]:
        """Return the divergences by fingerprint, the worst verdict first."""
        found: dict[str, list[Divergence]] = {}
        for divergence in self.comparison.divergences:
            found.setdefault(divergence.fingerprint, []).append(divergence)
        return {mark: sorted(same, key=lambda one: -_BEST_TO_WORST.index(one.verdict)) for mark, same in found.items()}

    def runs(self) -> tuple[RunRecord, RunRecord]:
        """Return control and candidate."""
        record = self.served.record
        return (record, self.shadow) if self.served.shadows is Origin.CANDIDATE else (self.shadow, record)


class RowMaker:
    """Makes redacted rows.

    Args:
        redactor: decides what stays readable.
        align: aligns the two streams for excerpts; None: no excerpts are kept.
    """

    def __init__(self, redactor: Redactor, align: Aligner | None) -> None:
        self._redactor, self._align, self.bases = redactor, align, BasisRows()

    def comparison(self, finding: ComparedRuns, now: float) -> Row:
        """Return the row of `comparisons`."""
        done, redact = finding.comparison, self._redactor
        return {
            "surface": redact.identifier(done.surface),
            "run_id": redact.identifier(done.run_id),
            "shadows": finding.served.shadows.value,
            "serving": done.serving.value,
            "tenant_id": redact.identifier(done.tenant_id),
            "user_digest": redact.shape(done.user_id),
            "thread_id": redact.chosen(done.thread_id),
            "stage": done.stage.value,
            "verdict": done.verdict.value,
            "reasons": [reason.quoting(lambda part: scrub(part[:_MAX_SENTENCE], finding.texts)) for reason in done.reasons],
            "divergence_count": len(done.divergences),
            "control_duration_s": done.control.duration_s,
            "control_effect_s": done.control.effect_s,
            "control_first_event_s": done.control.first_event_s,
            "candidate_duration_s": done.candidate.duration_s,
            "candidate_effect_s": done.candidate.effect_s,
            "candidate_first_event_s": done.candidate.first_event_s,
            "control_longest_gap_s": done.control.longest_gap_s,
            "candidate_longest_gap_s": done.candidate.longest_gap_s,
            "effects_recorded": done.effects_recorded,
            "effects_replayed": done.effects_replayed,
            "effects_missing": done.effects_missing,
            "effects_performed_by_shadow": done.effects_performed_by_shadow,
            "trace_id": _hex(done.trace_id),
            "span_id": _hex(finding.served.span_id),
            "shadow_trace_id": _hex(finding.shadow.trace_id),
            "probability": None if finding.served.probability == 1.0 else finding.served.probability,
            "received_at": finding.served.record.request.received_at,
            "compared_at": now,
            **_endings(finding),
            **self.bases.row(done.basis),
            "severities": ",".join(sorted({one.severity for one in done.divergences if one.verdict is Verdict.DIVERGENT})) or None,
            "breach": any(one.kind == "isolation_breach" for one in done.divergences) or None,
        }

    def surface(self, surface: str) -> str:
        """Return the surface as it is stored."""
        return self._redactor.identifier(surface)

    def digest(self, id_: str) -> str:
        """Return the digest of an id: equal ids have equal digests, but the id cannot be found from its digest."""
        return self._redactor.shape(id_)

    def fingerprint(self, fingerprint: str) -> str:
        """Return the fingerprint as it is stored."""
        return fingerprint if _HEX.match(fingerprint) else self._redactor.shape(fingerprint)

    def sentence(self, divergence: Divergence, finding: ComparedRuns) -> str:
        """Return the divergence's sentence. All tenants share the row of a kind, so its quotations are always redacted."""
        lane, path = self._redactor.path(divergence.lane), self._redactor.path(divergence.path)
        shown = {lane, path, *path.split(".")}  # columns of the same row
        return divergence.sentence.quoting(lambda part: scrub(self._redactor.path(part[:_MAX_SENTENCE]), finding.texts, shown))

    def kind(self, divergence: Divergence, sentence: str) -> Row:
        """Return the part of a row of `divergence_kinds` that all its occurrences share."""
        redact = self._redactor
        return {
            "kind": divergence.kind,
            "severity": divergence.severity,
            "lane": redact.path(divergence.lane),
            "path": redact.path(divergence.path),
            "sentence": sentence,
            "last_verdict": divergence.verdict.value,
            "accepted_by": None if divergence.accepted_by is None else redact.identifier(divergence.accepted_by),
        }

    def example(self, divergence: Divergence, finding: ComparedRuns) -> Row:
        """Return the values and the excerpt of an occurrence that is stored as an example."""
        plain = self._redactor.allows_text(finding.comparison.tenant_id)
        field = re.sub(r"\[[^\]]*\]", "", divergence.path.rpartition(".")[2])
        return {
            "example": True,
            "control": self._redactor.json(divergence.control, field=field, plain=plain),
            "candidate": self._redactor.json(divergence.candidate, field=field, plain=plain),
            "excerpt": self._excerpt(divergence, finding, plain=plain),
            "follows": [self._clause(clause) for clause in divergence.follows] or None,
        }

    def _clause(self, clause: str) -> str:
        """Return a consequence of a divergence in storable form: its lane and its path may contain names from data."""
        found = _CLAUSE.fullmatch(clause)
        if found is None:
            return clause if _MORE.fullmatch(clause) else self._redactor.shape(clause)
        lane = f" of {self._redactor.path(found['lane'])}" if found["lane"] else ""
        return f"{found['kind']} {self._redactor.path(found['path'])}{lane}{found['times'] or ''}"

    def _excerpt(self, divergence: Divergence, finding: ComparedRuns, *, plain: bool) -> Sequence[Row] | None:
        if self._align is None:
            return None
        control, candidate = finding.runs()
        only = msgspec.structs.replace(finding.comparison, divergences=(divergence,))
        try:
            aligned = self._align(control, candidate, only)
        except Exception as error:  # noqa: BLE001 - the divergence matters more than its excerpt
            # The type alone: the message may quote what the runs said.
            logger.error("no excerpt for %s: %s; the divergence is stored without", divergence.fingerprint, type(error).__name__)  # noqa: TRY400
            return None
        rows: Sequence[Row] = msgspec.to_builtins(redacted(aligned, self._redactor, plain=plain))
        return rows


def _endings(finding: ComparedRuns) -> Row:
    control, candidate = finding.runs()
    return {"control_outcome": control.outcome, "candidate_outcome": candidate.outcome}


def _hex(id_: str | None) -> str | None:
    return id_ if id_ is not None and _HEX.match(id_) else None
