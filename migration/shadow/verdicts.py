"""Makes the result of a shadow's run: compares it with the served run, and stores what was found."""

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from migration.effects.journals import Tally, effect_key, port_for
from migration.errors import Operation
from migration.isolation import Inspection, Learnt
from migration.model import Comparison, Effect, EffectError, Event, RunRecord
from migration.sentence import say, word
from migration.shadow.job import FailReason, ShadowJob, ShadowResult
from migration.shadow.parts import ComparedJob, Parts
from migration.shadow.runner import ShadowRun

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A job that was compared, or the reason why not."""

    result: ShadowResult
    finding: ComparedJob | None = None  #: what has to be stored; None: nothing
    again: Callable[[Sequence[Event]], ComparedJob] | None = None  #: compares with other `lost` events; None: there is nothing to compare


def conclude(job: ShadowJob, run: ShadowRun, parts: Parts, refused: Sequence[str] = ()) -> ShadowResult:
    """Return the result of a job, and store what was found; see `judge` and `keep`."""
    return keep([judge(job, run, parts, refused)], parts)[0]


def judge(job: ShadowJob, run: ShadowRun, parts: Parts, refused: Sequence[str] = ()) -> Judged:
    """Return the result of a job. Never raises what the comparison raises: that is counted as a failure.

    Args:
        job: the served run.
        run: the shadow's.
        parts: contains the comparison.
        refused: names of contacts with the outside that were refused while the shadow ran.
    """
    if run.record is None:
        return Judged(result=failed(job, run.failed or "engine", run.detail))
    if refused:
        told = "; ".join(f"{name}: {port_for(name)}" for name in dict.fromkeys(refused))
        logger.warning("the shadow of run %s tried to reach the outside without a port: %s", job.record.request.run_id, told)
    shadow = _with_refused(run.record, refused)
    inspection = _inspection(job, run, shadow, parts)

    def compared(lost: Sequence[Event]) -> ComparedJob:
        known = job if parts.inspector is None else msgspec.structs.replace(job, cross_talk=inspection.cross_talk, lost=tuple(lost))
        found = _with_effects(_advised(parts.compare(known, shadow), refused), run.tally, len(refused))
        return known, shadow, inspection.reported_in(found)

    try:
        finding = compared(inspection.lost)
    except Exception as failure:  # noqa: BLE001 - a failed comparison is a counted result
        _log("comparison", job, failure)
        return Judged(result=failed(job, "comparison", type(failure).__name__, ("comparison.compare",)))
    comparison = finding[2]
    failures = tuple(parts.failures)
    parts.failures.clear()
    learnt = Learnt() if parts.inspector is None else parts.inspector.learnt()
    result = ShadowResult(
        run_id=job.record.request.run_id,
        comparison=comparison,
        failures=failures,
        sought_in_text=learnt.sought_in_text,
        sought_in_fields=learnt.sought_in_fields,
    )
    return Judged(result=result, finding=finding, again=compared)


def keep(judged: Sequence[Judged], parts: Parts) -> list[ShadowResult]:
    """Return the results of these jobs; what was found is in the evidence by then. A comparison that cannot be stored is counted as a
    failure.

    If events of one run reach another run, both runs end at about the same time. So a group of jobs is judged together, and the order of
    the jobs does not matter.
    """
    judged = [_knowing_all(one, parts) for one in judged]
    findings = [one.finding for one in judged if one.finding is not None]
    if parts.sink is None or not findings:
        return [one.result for one in judged]
    try:
        kept = iter(parts.sink.store_each(findings))
    except Exception as failure:  # noqa: BLE001 - the verdicts stand, and the failures are counted
        kept = iter([failure] * len(findings))
    return [one.result if one.finding is None else _kept(one.result, one.finding, next(kept)) for one in judged]


def _knowing_all(one: Judged, parts: Parts) -> Judged:
    """Return the job. It is compared again if a later job shows that control sent events of this job's run to another run."""
    if one.finding is None or one.again is None or parts.inspector is None:
        return one
    job = one.finding[0]
    lost = parts.inspector.lost(job.record.request)
    if lost == job.lost:
        return one
    try:
        finding = one.again(lost)
    except Exception as failure:  # noqa: BLE001 - the first comparison stands, and the failure is counted
        _log("comparison", job, failure)
        return replace(one, result=msgspec.structs.replace(one.result, failures=(*one.result.failures, "comparison.compare")))
    return replace(one, finding=finding, result=msgspec.structs.replace(one.result, comparison=finding[2]))


def _kept(result: ShadowResult, finding: ComparedJob, outcome: bool | Exception) -> ShadowResult:
    if not isinstance(outcome, Exception):
        return result
    _log("evidence", finding[0], outcome)
    return msgspec.structs.replace(result, failures=(*result.failures, "evidence.write"))


def _inspection(job: ShadowJob, run: ShadowRun, shadow: RunRecord, parts: Parts) -> Inspection:
    """Return the data of other tenants and users that was found. If the scan fails, the verdict can only be `inconclusive`."""
    if parts.inspector is None:
        return Inspection()
    try:
        return parts.inspector.scan(job.record, shadow, neighbours=job.neighbours, served_log=job.log, log=run.log)
    except Exception as failure:  # noqa: BLE001 - what the comparison finds stands, and the failure is counted
        _log("scan for other tenants' data", job, failure)
        parts.failures.append("comparison.compare")
        return Inspection(reasons=(say("the scan for other tenants' data failed"),))


def failed(job: ShadowJob, reason: FailReason, detail: str, failures: tuple[Operation, ...] = ()) -> ShadowResult:
    """Return the result of a job without a verdict."""
    return ShadowResult(run_id=job.record.request.run_id, comparison=None, failed=reason, detail=detail, failures=failures)


def _with_effects(comparison: Comparison, tally: Tally, refused: int) -> Comparison:
    return msgspec.structs.replace(
        comparison,
        effects_recorded=tally.recorded,
        effects_replayed=tally.replayed,
        effects_missing=tally.missing + refused,
        effects_performed_by_shadow=tally.performed,
        effects_permitted=tally.permitted,
    )


def _advised(comparison: Comparison, refused: Sequence[str]) -> Comparison:
    """Return the comparison; its sentences about contacts without a port now say which port is needed."""
    notes = {f"tool.{name}": word(port_for(name)) for name in refused}
    if not notes:
        return comparison
    told = (
        msgspec.structs.replace(one, sentence=say("{what} It has no port: {advice}.", what=one.sentence, advice=notes[one.path]))
        if one.kind in {"effect_extra", "effect_missing"} and one.path in notes
        else one
        for one in comparison.divergences
    )
    return msgspec.structs.replace(comparison, divergences=tuple(told))


def _with_refused(record: RunRecord, refused: Sequence[str]) -> RunRecord:
    """Return the record with refused contacts in its journal, where the comparison sees them as unrecorded effects."""
    if not refused:
        return record
    effects = tuple(
        Effect(
            kind="tool",
            name=name,
            lane="",
            key=effect_key("tool", name, "", b"{}", number),
            request=b"{}",
            reply=None,
            # Without the advice on ports, because evidence removes texts of a run from sentences.
            error=EffectError(type="EffectMissingError", message="refused: a shadow performs no effect"),
            started_s=record.duration_s,
            duration_s=0.0,
        )
        for number, name in enumerate(refused, start=1)
    )
    return msgspec.structs.replace(record, journal=record.journal + effects)


def _log(part: str, job: ShadowJob, failure: Exception) -> None:
    # The place and the type, but not the text: it may quote a payload.
    place = "".join(traceback.format_tb(failure.__traceback__))
    logger.error("the %s of run %s failed with %s\n%s", part, job.record.request.run_id, type(failure).__name__, place)
