"""Every span name, event name and span attribute, once. `TABLE` is the allow-list of what leaves the process; the docs are made from it.

Names of OpenTelemetry are pinned here instead of taken from its package for Python, which still has the names of before version 0.1.0 of
the conventions for generative AI.
"""

from typing import Final, NamedTuple

GENAI_VERSION: Final = "0.1.0"
"""Version of the pinned conventions for generative AI, https://github.com/open-telemetry/semantic-conventions-genai."""
SEMCONV_VERSION: Final = "1.45.0"
"""Version of OpenTelemetry's other conventions: feature flags and errors. Version 0.1.0 of the former depends on it."""

RUN: Final = "migration.run"
SHADOW: Final = "migration.shadow"
COMPARE: Final = "migration.compare"
INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"

EVALUATION: Final = "feature_flag.evaluation"
DIVERGENCE: Final = "migration.divergence"

NAMES: Final = frozenset({RUN, SHADOW, COMPARE, INVOKE_AGENT, CHAT, EXECUTE_TOOL})
"""First words of the names of all spans; the name of an agent, a model or a tool may follow."""

SURFACE: Final = "migration.surface"
STAGE: Final = "migration.stage"
ORIGIN: Final = "migration.origin"
ROLE: Final = "migration.role"
RUN_ID: Final = "migration.run_id"
TENANT: Final = "migration.tenant"
REASON: Final = "migration.decision.reason"
OUTCOME: Final = "migration.outcome"
FAILOVER_REASON: Final = "migration.failover.reason"
RETRIES: Final = "migration.retries"
REFUSALS: Final = "migration.refusals"
REFUSED: Final = "migration.refused"
ATTEMPT: Final = "migration.attempt"
MODE: Final = "migration.effect.mode"
VERDICT: Final = "migration.verdict"
FINGERPRINTS: Final = "migration.fingerprints"
DIVERGENCE_COUNT: Final = "migration.divergence.count"
SHADOW_STATE: Final = "migration.shadow.state"
VIRTUAL_S: Final = "migration.virtual_duration"
FINGERPRINT: Final = "migration.divergence.fingerprint"
KIND: Final = "migration.divergence.kind"
SEVERITY: Final = "migration.divergence.severity"
PATH: Final = "migration.divergence.path"
LANE: Final = "migration.divergence.lane"
OCCURRENCES: Final = "migration.divergence.occurrences"
FLAG_KEY: Final = "feature_flag.key"
FLAG_VARIANT: Final = "feature_flag.result.variant"
FLAG_REASON: Final = "feature_flag.result.reason"
FLAG_VERSION: Final = "feature_flag.version"
FLAG_PROVIDER: Final = "feature_flag.provider.name"
ERROR: Final = "error.type"
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT: Final = "gen_ai.agent.name"
MODEL: Final = "gen_ai.request.model"
STREAM: Final = "gen_ai.request.stream"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
FIRST_CHUNK_S: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOOL: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"


class Attribute(NamedTuple):
    """One row of the table."""

    name: str
    type: str  #: as OpenTelemetry writes it
    spans: str  #: spans and events that have it
    meaning: str


_ALL: Final = "all"
_CALLS: Final = "`chat`, `execute_tool`"
_RUNS: Final = "`migration.run`, `migration.shadow`"
_RESULTS: Final = "`migration.run`, `migration.compare`"
_DIVERGENCE: Final = "event `migration.divergence`"
_EVALUATION: Final = "event `feature_flag.evaluation`"

TABLE: Final = (
    Attribute(SURFACE, "string", _RUNS, "Surface of the run."),
    Attribute(STAGE, "string", _RUNS, "Stage of the run's plan."),
    Attribute(RUN_ID, "string", _RUNS, "Id of the run, the same for its shadow."),
    Attribute(TENANT, "string", _RUNS, "Tenant; `NETRA_MIGRATION_TRACE_TENANTS` says whose name may be in spans."),
    Attribute(ORIGIN, "string", _ALL, "Engine: `control` or `candidate`."),
    Attribute(ROLE, "string", _ALL, "`serving`, or `shadowing`: what the span shows was not performed, but answered from a record."),
    Attribute(REASON, "string", "`migration.run`", "Why the plan has this stage: `flag`, `kill_switch`, `last_known`, `default_off`."),
    Attribute(OUTCOME, "string", _RUNS, "How the run ended: `completed`, `failed`, `timed_out`, `cancelled`, `cut`."),
    Attribute(FAILOVER_REASON, "string", "`migration.run`", "How candidate failed, if control resumed the run."),
    Attribute(RETRIES, "int", _RUNS, "Calls that repeat an equal call that failed; absent: 0."),
    Attribute(REFUSALS, "int", _RUNS, "Model calls that the model refused; absent: 0."),
    Attribute(
        SHADOW_STATE, "string", _RUNS, "`compared`, `shed` or the reason of a failure; on a run: of its shadow; absent: none was drawn."
    ),
    Attribute(VIRTUAL_S, "double", "`migration.shadow`", "Seconds of virtual time that the engine took."),
    Attribute(VERDICT, "string", _RESULTS, "Verdict of the comparison."),
    Attribute(
        FINGERPRINTS, "string[]", _RESULTS, "Fingerprints of its divergences, at most 20: `netra-migration divergences show FINGERPRINT`."
    ),
    Attribute(DIVERGENCE_COUNT, "int", _RESULTS, "Number of its divergences."),
    Attribute(MODE, "string", _CALLS, "`recorded`, `replayed`, `missing` or `performed_by_shadow`."),
    Attribute(ATTEMPT, "int", _CALLS, "2 for the first repetition of a call that failed, and so on; absent: 1."),
    Attribute(REFUSED, "boolean", "`chat`", "The model refused to answer, or a filter removed the answer."),
    Attribute(ERROR, "string", _ALL, "Class of the error with which it ended; absent: none."),
    Attribute(OPERATION, "string", "`invoke_agent`, `chat`, `execute_tool`", "`invoke_agent`, `chat` or `execute_tool`."),
    Attribute(AGENT, "string", "`invoke_agent`", "Name of the agent: the first part of the lane."),
    Attribute(PROVIDER, "string", "`chat`", "Provider in whose format the call was made: `openai` or `anthropic`."),
    Attribute(MODEL, "string", "`chat`", "Name of the model that was asked for."),
    Attribute(STREAM, "boolean", "`chat`", "The reply was streamed; absent: it was not."),
    Attribute(FIRST_CHUNK_S, "double", "`chat`", "Seconds to the first piece of a streamed reply."),
    Attribute(FINISH_REASONS, "string[]", "`chat`", "Why the model stopped, as its provider says it; `error`: the call failed."),
    Attribute(INPUT_TOKENS, "int", "`chat`", "Tokens of the prompt, cached ones included; 0 for a shadow, which asks no model."),
    Attribute(OUTPUT_TOKENS, "int", "`chat`", "Tokens of the reply, those of reasoning included; 0 for a shadow."),
    Attribute(CACHE_READ_TOKENS, "int", "`chat`", "Tokens of the prompt that came from the provider's cache."),
    Attribute(CACHE_WRITE_TOKENS, "int", "`chat`", "Tokens of the prompt that were written to it."),
    Attribute(REASONING_TOKENS, "int", "`chat`", "Tokens of the reply that were spent on reasoning."),
    Attribute(TOOL, "string", "`execute_tool`", "Name of the tool."),
    Attribute(TOOL_TYPE, "string", "`execute_tool`", "`function`."),
    Attribute(FLAG_KEY, "string", _EVALUATION, "Key of the flag."),
    Attribute(FLAG_VARIANT, "string", _EVALUATION, "Stage that the flag gave."),
    Attribute(FLAG_REASON, "string", _EVALUATION, "`targeting_match`, `split`, `default`, `disabled`, `stale`, `error` or `unknown`."),
    Attribute(FLAG_VERSION, "string", _EVALUATION, "Version of the flag."),
    Attribute(FLAG_PROVIDER, "string", _EVALUATION, "Source of the flags: `file`, `launchdarkly` or `redis`."),
    Attribute(FINGERPRINT, "string", _DIVERGENCE, "Its fingerprint."),
    Attribute(KIND, "string", _DIVERGENCE, "Its kind."),
    Attribute(SEVERITY, "string", _DIVERGENCE, "Its severity."),
    Attribute(LANE, "string", _DIVERGENCE, "Its lane, as the evidence stores it."),
    Attribute(PATH, "string", _DIVERGENCE, "Its place in the event or effect, as the evidence stores it."),
    Attribute(OCCURRENCES, "int", _DIVERGENCE, "How often it occurs in this comparison."),
)
"""All attributes, in the order of the docs. An event's divergence also has `migration.verdict`."""

ATTRIBUTES: Final = frozenset(row.name for row in TABLE)
"""The allow-list."""
