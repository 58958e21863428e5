"""Settings of the migration, from `NETRA_MIGRATION_*` variables. The composition root and the command line read the same settings."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from migration.project import defaults, find_project
from migration.variables import FromVariables, Secret

Names = tuple[str, ...]
"""A setting that is a list of names."""


class MigrationSettings(msgspec.Struct, metaclass=FromVariables, frozen=True, kw_only=True):
    """All settings, with defaults that need no server."""

    home: Annotated[Path, Meta(description="Folder of the files below, unless their paths are absolute.")] = Path("var")
    project: Annotated[
        Path | None,
        Meta(
            description="TOML file with `[tool.netra-migration]`, or its folder; default: the closest `pyproject.toml` with it, in the "
            "working directory or above it. It defines the defaults of `engines`, `surfaces` and others."
        ),
    ] = None
    import_path: Annotated[
        Names, Meta(description="Folders of modules that are not installed, for the processes that import engines.")
    ] = ()
    engines: Annotated[
        str,
        Meta(
            description="Import string of an EngineBuilder: makes the engines of shadows and replays, and by default also the serving "
            "engines."
        ),
    ] = ""
    build: Annotated[
        str,
        Meta(
            description="Name of the engines' build, such as a commit: gates never add up comparisons of different builds. Empty: a digest "
            "of the code of the package that holds `engines`."
        ),
    ] = ""
    conversations: Annotated[
        str,
        Meta(description="Import string of a ConversationCheck, for replays of conversations; empty: any surface and agent is accepted."),
    ] = ""
    surfaces: Annotated[Names, Meta(description="Surfaces whose engine is being replaced; default: all that the project configures.")] = ()
    flags_source: Annotated[
        Literal["file", "launchdarkly", "redis"],
        Meta(description="The source of the flags: the flag file, LaunchDarkly or its Relay Proxy, or Redis in LaunchDarkly's layout."),
    ] = "file"
    flags_file: Annotated[Path, Meta(description="LaunchDarkly's flag file.")] = Path("flags.json")
    flags_poll_s: Annotated[float, Meta(gt=0, description="Seconds between two checks of the flag file.")] = 0.2
    start_without_flags: Annotated[
        Literal["wait", "off"] | None,
        Meta(
            description="What happens while no flags are known. wait: no request is served; off: all tenants are at `off`. Default: wait; "
            "`netra serve` "
            "in development without a flag file: off."
        ),
    ] = None
    snapshot_dir: Annotated[
        Path, Meta(description="Folder of the last known flags, one file for each source, for a restart without the source.")
    ] = Path("flags-snapshots")
    emergency_file: Annotated[Path, Meta(description="The emergency kill switch: while this file exists, control serves on this host.")] = (
        Path("emergency-kill-switch")
    )
    launchdarkly_sdk_key: Annotated[Secret, Meta(description="Server-side SDK key of the environment.")] = Secret("")
    launchdarkly_base_uri: Annotated[str, Meta(description="Address that the SDK polls, which may be a Relay Proxy's.")] = (
        "https://sdk.launchdarkly.com"
    )
    launchdarkly_stream_uri: Annotated[str, Meta(description="Address from which the SDK streams, which may be a Relay Proxy's.")] = (
        "https://stream.launchdarkly.com"
    )
    launchdarkly_events_uri: Annotated[str, Meta(description="Address to which the SDK sends events, which may be a Relay Proxy's.")] = (
        "https://events.launchdarkly.com"
    )
    launchdarkly_stream: Annotated[bool, Meta(description="Whether flags are streamed; no: they are polled.")] = True
    launchdarkly_ca_file: Annotated[
        Path | None, Meta(description="Certificates, in PEM, of the authorities that are trusted for these addresses.")
    ] = None
    launchdarkly_private_attributes: Annotated[
        Names, Meta(description="Attributes of tenants that are never sent in an event. The tenant's key is always sent.")
    ] = ()
    launchdarkly_api_uri: Annotated[str, Meta(description="Address of the REST API, for edits.")] = "https://app.launchdarkly.com"
    launchdarkly_api_token: Annotated[Secret, Meta(description="Access token for edits, with the least rights.")] = Secret("")
    launchdarkly_project: Annotated[str, Meta(description="Key of the project, for edits.")] = ""
    launchdarkly_environment: Annotated[str, Meta(description="Key of the environment, for edits.")] = ""
    redis_url: Annotated[Secret, Meta(description="Redis that holds the flags.")] = Secret("redis://127.0.0.1:6379/0")
    redis_prefix: Annotated[str, Meta(description="Prefix of LaunchDarkly's keys in Redis.")] = "launchdarkly"
    tenant_attributes_file: Annotated[
        Path | None, Meta(description="JSON file: tenant -> attribute -> value, for rules of flags. Changes are followed.")
    ] = None
    tenant_attributes_from: Annotated[
        str,
        Meta(description="Import string of a callable (tenant id) -> attributes or None, from memory: it is called on the request's path."),
    ] = ""
    tenant_claims: Annotated[Names, Meta(description="Claims of a token that become attributes of the tenant; other claims do not.")] = ()
    evidence_url: Annotated[str, Meta(description="SQLAlchemy URL of the evidence store; empty: evidence.db in `home`.")] = ""
    webhook_url: Annotated[
        Secret, Meta(description="URL to which a controller of ramps sends its decisions, such as a Slack webhook; empty: none.")
    ] = Secret("")
    webhook_key: Annotated[Secret, Meta(description="Key that signs messages to the webhook; empty: they are not signed.")] = Secret("")
    stores: Annotated[
        str,
        Meta(
            description="Import string of a StoresOpener, for `backfill`; empty: no finished runs are stored, so no stage requires a "
            "backfill."
        ),
    ] = ""
    stores_url: Annotated[str, Meta(description="SQLAlchemy URL of the outbox of the run stores; empty: stores.db in `home`.")] = ""
    ledger_dir: Annotated[
        Path,
        Meta(description="Folder of <surface>.toml: accepted divergences; default: the project's, or `ledger` in the working directory."),
    ] = msgspec.field(default_factory=lambda: Path.cwd() / "ledger")
    tenants: Annotated[Names, Meta(description="Tenants that commands accept; empty: every well-formed id.")] = ()
    tenant_rule: Annotated[
        str,
        Meta(
            description="Import string of a callable (tenant id) that raises ValueError for an id that the project does not accept; "
            "empty: every id of 1 to 256 printable characters without a blank at its ends is accepted."
        ),
    ] = ""
    watch_tenants: Annotated[Names, Meta(description="Tenants that become metric labels; others do not.")] = ()
    plaintext_tenants: Annotated[Names, Meta(description="Tenants whose stored evidence may contain free text.")] = ()
    recordings_per_divergence: Annotated[
        int,
        Meta(
            ge=0,
            description="How many served runs are stored completely for each kind of divergence, only of tenants that allow free text; 0: "
            "none.",
        ),
    ] = 3
    canary_tenants: Annotated[
        Names,
        Meta(
            description="Synthetic tenants. Models' answers to them contain canaries, which are searched for in the runs of all other "
            "tenants."
        ),
    ] = ()
    hash_key: Annotated[
        str, Meta(description="Key of the digests that replace redacted values; empty: a new one in `home`, readable only by the owner.")
    ] = ""
    miss_policy: Annotated[
        Literal["block", "allow"],
        Meta(
            description="What a shadow or replay does with an effect that was not recorded. block: the effect is refused; allow: a tool "
            "that is declared read-only is really called."
        ),
    ] = "block"
    miss_budget: Annotated[int, Meta(ge=0, description="How many such calls one run may make; further calls are blocked.")] = 3
    miss_timeout_s: Annotated[float, Meta(gt=0, description="Seconds that one such call may take.")] = 2.0
    reading_engines: Annotated[
        str, Meta(description="Import string of a function that opens ReadingEngines, which replace `engines` when misses are allowed.")
    ] = ""
    signing_key_file: Annotated[
        Path | None, Meta(description="Private key of removal certificates, Ed25519 in PEM, mode 0600; empty: name it with --key.")
    ] = None
    shadow_queue_jobs: Annotated[int, Meta(ge=1, description="Number of jobs that may wait for the worker; more are shed.")] = 256
    shadow_queue_bytes: Annotated[int, Meta(ge=2**16, description="Bytes of jobs that may wait for the worker; more are shed.")] = (
        32 * 2**20
    )
    shadow_job_bytes: Annotated[int, Meta(ge=2**12, description="Bytes of one job; a larger job is shed.")] = 8 * 2**20
    shadow_deadline_s: Annotated[float, Meta(gt=0, description="Seconds that a shadow run may take.")] = 10.0
    shadow_memory_bytes: Annotated[
        int, Meta(ge=2**26, description="Bytes of memory that the shadow worker may use in addition to its memory at the start.")
    ] = 2**30
    shadow_governor: Annotated[
        Literal["on", "off"],
        Meta(description="Whether fewer runs are drawn for shadowing while shadows cost more than the limits below."),
    ] = "on"
    shadow_queue_age_s: Annotated[float, Meta(gt=0, description="Limit of the governor: seconds that the oldest shadow job may wait.")] = (
        30.0
    )
    shadow_loop_late_s: Annotated[
        float, Meta(gt=0, description="Limit of the governor: seconds by which the server's event loop may be late.")
    ] = 0.1
    shadow_tax_percent: Annotated[
        float,
        Meta(gt=0, description="Limit of the governor: percent by which shadows slow users' runs, by the lower bound of the measurement."),
    ] = 10.0
    shadow_cpu_percent: Annotated[
        float, Meta(gt=0, description="Limit of the governor: percent of one processor that the shadow worker of a server may use.")
    ] = 100.0
    shadow_reads_a_minute: Annotated[
        float, Meta(gt=0, description="Limit of the governor: reads that shadows may make in a minute under the miss policy `allow`.")
    ] = 600.0
    shadow_rest_percent: Annotated[
        float,
        Meta(
            ge=0,
            le=50,
            description="Percentage of time, in random windows of 10 s, without shadows, so that the cost of shadows for users can be "
            "measured; 0: it is not measured.",
        ),
    ] = 2.0
    shadow_priority: Annotated[
        Literal["idle", "low", "normal"],
        Meta(
            description="idle: the shadow worker gets only processor time that no other process needs; low: it runs with a low priority "
            "(nice)."
        ),
    ] = "idle"
    shadow_start_s: Annotated[
        float, Meta(gt=0, description="Seconds in which a shadow worker must be ready; otherwise it is replaced.")
    ] = 120.0
    shadow_boundary: Annotated[
        Literal["kernel", "interpreter"],
        Meta(
            description="What separates engines of shadows from the outside. kernel: Linux itself; if it cannot, no run is shadowed; "
            "interpreter: only Python's own audit hook, which code in C can bypass."
        ),
    ] = "kernel"
    noise_sampling: Annotated[
        float, Meta(ge=0, le=100, description="Percentage of shadows after which each engine is also compared with itself; 0: none.")
    ] = 2.0
    otlp_endpoint: Annotated[
        str,
        Meta(
            description="Address of an OTLP/HTTP collector for traces, such as http://127.0.0.1:4318; empty: they stay in memory. "
            "OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY and _COMPRESSION apply."
        ),
    ] = ""
    trace_percent: Annotated[
        float,
        Meta(
            ge=0, le=100, description="Percentage of runs whose traces are kept. Runs with a divergent or inconclusive verdict always are."
        ),
    ] = 100.0
    trace_tenants: Annotated[
        Literal["none", "watched", "all"],
        Meta(description="Tenants whose names are in traces. watched: those of NETRA_MIGRATION_WATCH_TENANTS."),
    ] = "watched"
    trace_effects: Annotated[
        bool,
        Meta(
            description="Whether calls of models and tools are also recorded for the traces of runs that no shadow reads; it costs such a "
            "run about 0.15 ms."
        ),
    ] = False

    @staticmethod
    def defaults(project: Any) -> dict[str, Any]:  # noqa: ANN401 - the value given for `project`, if any
        """Return the project's values, for settings that are not given. Raises ConfigurationError."""
        return defaults(Path(project) if project else find_project())

    def path(self, path: Path) -> Path:
        """Return `path`; a relative path is in `home`."""
        return path if path.is_absolute() else self.home / path

    def evidence(self) -> str:
        """Return the SQLAlchemy URL of the evidence store."""
        return self.evidence_url or f"sqlite:///{self.home / 'evidence.db'}"

    def outbox(self) -> str:
        """Return the SQLAlchemy URL of the run stores' outbox."""
        return self.stores_url or f"sqlite:///{self.home / 'stores.db'}"
