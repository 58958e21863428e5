"""The one interpretation of flags: LaunchDarkly's own client decides for every caller."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from ldclient import Context
from ldclient.client import LDClient
from ldclient.migrations import Operation
from ldclient.migrations import Origin as LaunchDarklyOrigin
from ldclient.migrations import Stage as LaunchDarklyStage
from ldclient.migrations.tracker import MigrationOpEvent

from migration.flags.meaning.contexts import Tenant, context
from migration.flags.meaning.data import CANDIDATE_FAILOVER, KILL_SWITCH, SHADOW_SAMPLING, FlagData, surface_flag_key
from migration.flags.meaning.offline import offline_client
from migration.model import Origin, Stage
from migration.stages import PLANS, Plan

ALL_PERCENT: Final = 100.0
_MADE_UP: Final = tuple(Tenant(tenant_id=f"made-up-tenant-{number}") for number in range(16))
_STAGES: Final = {stage.value: stage for stage in Stage}
_UNKNOWN: Final[Mapping[str, Any]] = MappingProxyType({"kind": "ERROR", "errorKind": "EXCEPTION"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StageAnswer:
    """The decision of LaunchDarkly's SDK for one tenant on one surface, without the kill switch."""

    stage: Stage | None  #: None: the flag gives no stage, and the SDK used its default
    variation_index: int | None  #: None: the default
    reason: Mapping[str, Any]  #: LaunchDarkly's, e.g. {"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "..."}
    event: MigrationOpEvent | None = field(default=None, repr=False, compare=False)  #: the data for op events; None if the default was used

    @property
    def failed(self) -> bool:
        """Whether the SDK found an error in the flag; a missing flag is not an error."""
        return self.reason.get("kind") == "ERROR" and self.reason.get("errorKind") != "FLAG_NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All that flags decide for one tenant on one surface."""

    answer: StageAnswer
    killed: bool  #: whether the kill switch is on here, whatever the stage
    plan: Plan  #: the plan of a run; it includes the kill switch
    percent: float  #: percentage of the runs that are shadowed if the plan names a shadow
    complaint: str | None  #: the problem of an evaluated value, and the value that is used instead; None: there is no problem
    fails_over: bool = False  #: whether control resumes a run that candidate fails; never at `complete`, where its store is not written

    @property
    def stage(self) -> Stage:
        """The stage without the kill switch: `off` if the flag gives none."""
        return self.answer.stage or Stage.OFF


class FlagEvaluator:
    """Evaluates with a client of LaunchDarkly, in memory, without I/O. An evaluator that `of` made must be closed.

    Args:
        client: the client, which knows the flags.
    """

    def __init__(self, client: LDClient) -> None:
        self._client = client

    @classmethod
    def of(cls, data: FlagData) -> Self:
        """Return an evaluator over only these flags: its client connects to nothing, sends nothing and starts no thread."""
        return cls(offline_client(data.for_sdk()))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the client. Idempotent."""
        self._client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it without types

    def stage(self, surface: str, tenant: Tenant) -> StageAnswer:
        """Return the flag's decision for the tenant on the surface. Never raises: errors of the SDK are in the reason."""
        return self._stage(surface, context(tenant, surface))

    def held_at(self, key: str, asked: Context) -> Stage | None:
        """Return the stage of the tenant in this context by the flag with this key; `off` if the flag gives no stage; None: the SDK found
        an error in it. This is `stage` without the data for op events, for the evaluation of very many tenants.
        """
        detail = self._client.variation_detail(key, asked, None)
        if detail.variation_index is not None:
            return _STAGES.get(detail.value) if isinstance(detail.value, str) else None
        reason = detail.reason
        return None if reason.get("kind") == "ERROR" and reason.get("errorKind") != "FLAG_NOT_FOUND" else Stage.OFF

    def killed(self, surface: str, tenant: Tenant) -> bool:
        """Return whether the kill switch flag is on for the tenant on that surface; `plan` decides whether it takes precedence."""
        return self._switch(KILL_SWITCH, context(tenant, surface))[0]

    def sampling(self, surface: str, tenant: Tenant) -> float:
        """Return the percentage of the tenant's runs that are shadowed; 100 if the flag gives anything but 0 to 100."""
        return self._sampling(context(tenant, surface))[0]

    def failover(self, surface: str, tenant: Tenant) -> bool:
        """Return whether the failover flag is on for the tenant on that surface; a run also needs a stage at which candidate serves."""
        return self._switch(CANDIDATE_FAILOVER, context(tenant, surface))[0]

    def plan(self, surface: str, tenant: Tenant, *, emergency: bool = False) -> Plan:
        """Return the plan of the tenant's next run. `emergency`: the host's own kill switch is on."""
        return self.evaluate(surface, tenant, emergency=emergency).plan

    def evaluate(self, surface: str, tenant: Tenant, *, emergency: bool = False) -> Evaluation:
        """Return all that flags decide for the tenant on that surface. `emergency`: the host's own kill switch is on.

        Only this function combines stage and kill switch. The kill switch takes precedence over every stage except `complete`, where the
        legacy store is no longer written.
        """
        asked = context(tenant, surface)
        answer, (on, no_switch) = self._stage(surface, asked), self._switch(KILL_SWITCH, asked)
        percent, no_percent = self._sampling(asked)
        killed, complaint = emergency or on, no_switch or no_percent
        plan = PLANS[answer.stage or Stage.OFF]
        if killed and plan.stage not in (Stage.OFF, Stage.COMPLETE):
            # After `off` both run stores are in use, so a tenant that leaves `off` again must find its runs in the user store.
            plan = PLANS[Stage.DUALWRITE]
        if answer.failed:
            why = answer.reason.get("errorKind")
            complaint = f"{surface_flag_key(surface)}: LaunchDarkly's SDK finds no stage in it for some tenants ({why}); correct the flag"
        fails_over = False
        if plan.serves is Origin.CANDIDATE and plan.stage is not Stage.COMPLETE:
            fails_over, no_failover = self._switch(CANDIDATE_FAILOVER, asked)
            complaint = complaint or no_failover
        return Evaluation(answer=answer, killed=killed, plan=plan, percent=percent, complaint=complaint, fails_over=fails_over)

    def faults(self, surfaces: Iterable[str]) -> dict[str, str]:
        """Return the flags that give no tenant a usable value, among the surfaces' flags and the kill switch, each with LaunchDarkly's
        reason. Invented tenants are evaluated. A flag that is off, deleted or missing is in a valid state, so this is not an error.
        """
        faults: dict[str, str] = {}
        for surface in surfaces:
            asked = [context(tenant, surface) for tenant in _MADE_UP]
            answers = [self._stage(surface, one) for one in asked]
            if all(answer.failed for answer in answers):
                faults[surface_flag_key(surface)] = str(answers[0].reason.get("errorKind"))
            if all(self._switch(KILL_SWITCH, one)[1] for one in asked):
                faults[KILL_SWITCH] = "WRONG_TYPE"
        return faults

    def _stage(self, surface: str, asked: Context) -> StageAnswer:
        stage, tracker = self._client.migration_variation(surface_flag_key(surface), asked, LaunchDarklyStage.OFF)
        # The SDK shows the reason only in an event.
        event = tracker.operation(Operation.READ).invoked(LaunchDarklyOrigin.OLD).build()
        if isinstance(event, str):
            return StageAnswer(stage=None, variation_index=None, reason=_UNKNOWN)
        index = event.detail.variation_index
        if index is None:
            return StageAnswer(stage=None, variation_index=None, reason=event.detail.reason)
        return StageAnswer(stage=Stage(stage.value), variation_index=index, reason=event.detail.reason, event=event)

    def _switch(self, key: str, asked: Context) -> tuple[bool, str | None]:
        detail = self._client.variation_detail(key, asked, False)
        error = detail.reason.get("errorKind") if detail.reason.get("kind") == "ERROR" else None
        if isinstance(detail.value, bool) and error in (None, "FLAG_NOT_FOUND"):
            return detail.value, None
        return False, f"{key}: gives a value that is not true or false ({error or 'WRONG_TYPE'}), which counts as off; correct it"

    def _sampling(self, asked: Context) -> tuple[float, str | None]:
        value = self._client.variation(SHADOW_SAMPLING, asked, ALL_PERCENT)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= ALL_PERCENT:
            return float(value), None
        return ALL_PERCENT, f"{SHADOW_SAMPLING}: some tenants get a value that is not a number from 0 to 100; all their runs are shadowed"


@contextmanager
def quiet_sdk() -> Iterator[None]:
    """Prevent the SDK from logging a flag's error for each tenant: a caller that evaluates many tenants reports the error once."""
    loggers = [logging.getLogger(name) for name in ("ldclient.flag", "ldclient.util")]
    were = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was in zip(loggers, were, strict=True):
            logger.disabled = was


def reason_in_words(reason: Mapping[str, Any]) -> str:
    """Return LaunchDarkly's reason as words, e.g. "RULE_MATCH (rule 2, id r1)"."""
    kind = str(reason.get("kind"))
    if kind == "RULE_MATCH":
        return f"{kind} (rule {reason.get('ruleIndex', 0) + 1}" + (f", id {reason['ruleId']})" if reason.get("ruleId") else ")")
    detail = reason.get("prerequisiteKey") or reason.get("errorKind") or ("in an experiment" if reason.get("inExperiment") else "")
    return f"{kind} ({detail})" if detail else kind
