"""Settings of the migration, from `NETRA_MIGRATION_*` variables. The backend's composition root and the command line read the same ones."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from migration.project import defaults, find_project


def _names(value: Any) -> Any:  # noqa: ANN401 - whatever the variable or the caller gave; pydantic judges it
    """Read `a, b` as two values; so is `["a", "b"]`, but JSON in a shell variable is a trap."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return tuple(json.loads(value))
        except ValueError:
            raise ValueError("is neither names, separated by commas, nor a JSON list of them") from None
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
"""A setting that is a list of names."""


class MigrationSettings(BaseSettings):
    """Everything that can be configured, with the embedded defaults: no server is needed."""

    model_config = SettingsConfigDict(env_prefix="NETRA_MIGRATION_", frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what is given, then variables, then what the project says: the first that has a value wins."""
        named = init_settings().get("project")
        project = InitSettingsSource(settings_cls, defaults(Path(named) if named else find_project()))
        return (init_settings, env_settings, dotenv_settings, file_secret_settings, project)

    home: Path = Field(default=Path("var"), description="Folder of the files below, unless they are given absolutely.")
    project: Path | None = Field(
        default=None,
        description="TOML file with `[tool.netra-migration]`, or its folder; default: the closest `pyproject.toml` with it, from the "
        "working directory upwards. What it says is the default of `engines`, `surfaces` and others.",
    )
    import_path: Names = Field(default=(), description="Folders of modules that are not installed, for the processes that import engines.")
    engines: str = Field(default="", description="Import string of an EngineBuilder, for replays.")
    conversations: str = Field(
        default="",
        description="Import string of a ConversationCheck, for replays of conversations; empty: any surface and agent will do.",
    )
    surfaces: Names = Field(default=(), description="Surfaces whose engine is being replaced; default: all that the project configures.")
    flags_source: Literal["file", "launchdarkly", "redis"] = Field(
        default="file",
        description="Where flags come from: the flag file, LaunchDarkly or its Relay Proxy, or Redis in LaunchDarkly's layout.",
    )
    flags_file: Path = Field(default=Path("flags.json"), description="LaunchDarkly's flag file.")
    flags_poll_s: float = Field(default=0.2, gt=0, description="Seconds between two looks at the flag file.")
    start_without_flags: Literal["wait", "off"] = Field(
        default="wait",
        description="While no flags are known: wait: nothing is served; off: all tenants are at `off`. "
        "`netra serve` in development without a flag file: off.",
    )
    snapshot_dir: Path = Field(
        default=Path("flags-snapshots"), description="Folder of the last known flags, one file a source, for a restart without the source."
    )
    emergency_file: Path = Field(
        default=Path("emergency-kill-switch"),
        description="The emergency kill switch: while this file is there, control serves on this host.",
    )
    launchdarkly_sdk_key: SecretStr = Field(default=SecretStr(""), description="Server-side SDK key of the environment.")
    launchdarkly_base_uri: str = Field(default="https://sdk.launchdarkly.com", description="Where the SDK polls; a Relay Proxy's address.")
    launchdarkly_stream_uri: str = Field(
        default="https://stream.launchdarkly.com", description="Where the SDK streams; a Relay Proxy's address."
    )
    launchdarkly_events_uri: str = Field(default="https://events.launchdarkly.com", description="Where events go; a Relay Proxy's address.")
    launchdarkly_stream: bool = Field(default=True, description="Whether flags are streamed; no: they are polled.")
    launchdarkly_ca_file: Path | None = Field(default=None, description="Certificates, in PEM, of who may vouch for these addresses.")
    launchdarkly_private_attributes: Names = Field(
        default=(), description="Attributes of tenants that never leave in an event; the tenant's key always does."
    )
    launchdarkly_api_uri: str = Field(default="https://app.launchdarkly.com", description="Address of the REST API, for edits.")
    launchdarkly_api_token: SecretStr = Field(default=SecretStr(""), description="Access token for edits, with the least rights.")
    launchdarkly_project: str = Field(default="", description="Key of the project, for edits.")
    launchdarkly_environment: str = Field(default="", description="Key of the environment, for edits.")
    redis_url: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"), description="Redis that holds the flags.")
    redis_prefix: str = Field(default="launchdarkly", description="Prefix of LaunchDarkly's keys in Redis.")
    tenant_attributes_file: Path | None = Field(
        default=None, description="JSON file: tenant -> attribute -> value, for rules of flags. Followed while it changes."
    )
    tenant_attributes_from: str = Field(
        default="",
        description="Import string of a callable (tenant id) -> attributes or None, from memory: it is asked on the request's path.",
    )
    tenant_claims: Names = Field(default=(), description="The only claims of a token that become attributes of the tenant.")
    evidence_url: str = Field(default="", description="SQLAlchemy URL; empty: evidence.db in `home`.")
    stores: str = Field(
        default="",
        description="Import string of a StoresOpener, for `backfill`; empty: no finished runs are kept, so no stage waits for them.",
    )
    stores_url: str = Field(default="", description="SQLAlchemy URL of the outbox of the run stores; empty: stores.db in `home`.")
    ledger_dir: Path = Field(
        default_factory=lambda: Path.cwd() / "ledger",
        description="Folder of <surface>.toml: accepted divergences; default: as the project says, or `ledger` in the working directory.",
    )
    tenants: Names = Field(default=(), description="Known tenants: commands refuse any other; empty: every well-formed id.")
    watch_tenants: Names = Field(default=(), description="The only tenants that become metric labels.")
    plaintext_tenants: Names = Field(default=(), description="Tenants that allow free text in stored evidence.")
    recordings_per_divergence: int = Field(
        default=3, ge=0, description="Served runs kept whole of each kind of divergence, of the tenants above alone; 0: none."
    )
    canary_tenants: Names = Field(
        default=(), description="Synthetic tenants: models' answers to them carry canaries, which are looked for in everybody else's runs."
    )
    hash_key: str = Field(
        default="", description="Key of the digests that stand for redacted values; empty: a new one in `home`, readable by the owner."
    )
    miss_policy: Literal["block", "allow"] = Field(
        default="block",
        description="What a shadow or replay does about an effect that is not on record: block: nothing; allow: a tool that is declared "
        "read-only is called for real.",
    )
    miss_budget: int = Field(default=3, ge=0, description="Calls that one run may make so; the next one is blocked.")
    miss_timeout_s: float = Field(default=2.0, gt=0, description="Seconds that one such call may take.")
    reading_engines: str = Field(
        default="",
        description="Import string of what opens ReadingEngines, which take the place of `engines` when misses are allowed.",
    )
    signing_key_file: Path | None = Field(
        default=None, description="Private key of removal certificates, Ed25519 in PEM, mode 0600; empty: name it with --key."
    )
    shadow_queue_jobs: int = Field(default=256, ge=1, description="Jobs that may wait for the worker; more are shed.")
    shadow_queue_bytes: int = Field(default=32 * 2**20, ge=2**16, description="Bytes that may wait for the worker; more are shed.")
    shadow_job_bytes: int = Field(default=8 * 2**20, ge=2**12, description="Bytes of one job; a larger one is shed.")
    shadow_deadline_s: float = Field(default=10.0, gt=0, description="Seconds a shadow run may take.")
    shadow_memory_bytes: int = Field(default=2**30, ge=2**26, description="Bytes that the shadow worker may take on top of its start-up.")
    shadow_priority: Literal["idle", "low", "normal"] = Field(
        default="idle", description="idle: the shadow worker gets only what nobody else wants of the processor; low: niced."
    )
    shadow_start_s: float = Field(
        default=120.0, gt=0, description="Seconds in which a shadow worker must be ready; one that is not is replaced."
    )
    shadow_boundary: Literal["kernel", "interpreter"] = Field(
        default="kernel",
        description="What keeps engines of shadows from the outside. kernel: Linux itself, and where it cannot nothing is shadowed; "
        "interpreter: Python's own gates alone, which code in C passes by.",
    )
    noise_sampling: float = Field(
        default=2.0, ge=0, le=100, description="Percent of shadows after which each engine is also compared with itself; 0: none."
    )
    otlp_endpoint: str = Field(default="", description="OTLP/HTTP endpoint for spans; empty: an in-memory ring only.")
    trace_percent: float = Field(default=100.0, ge=0, le=100, description="Percent of runs whose spans are kept and exported.")

    def path(self, path: Path) -> Path:
        """Return `path`, taken relative to `home` unless it is absolute."""
        return path if path.is_absolute() else self.home / path

    def evidence(self) -> str:
        """Return the SQLAlchemy URL of the evidence store."""
        return self.evidence_url or f"sqlite:///{self.home / 'evidence.db'}"

    def outbox(self) -> str:
        """Return the SQLAlchemy URL of the run stores' outbox."""
        return self.stores_url or f"sqlite:///{self.home / 'stores.db'}"
