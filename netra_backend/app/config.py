"""Settings of the backend, from `NETRA_*` variables, read once at start."""

import difflib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from netra_backend.app.errors import SettingsError

SECRET_BYTES = 32  #: RFC 7518, 3.2: an HS256 key is at least as long as its hash
_SECRET_FILE = "jwt_secret"  # noqa: S105 - the name of a file


def names_in(value: Any) -> Any:  # noqa: ANN401 - whatever the variable or the caller gave; pydantic judges it
    """Read `a, b` as two values. A JSON list works too, but is easy to quote wrongly in a shell variable."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return tuple(json.loads(value))
        except ValueError:
            raise ValueError("is neither names, separated by commas, nor a JSON list of them") from None
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(names_in)]
"""A setting that is a list of names."""


def _default_url(data: dict[str, Any]) -> SecretStr:
    return SecretStr(f"sqlite+aiosqlite:///{data.get('home', Path('var')) / 'netra.db'}")


class Settings(BaseSettings):
    """Everything that can be configured, with defaults that need no server. Use `load_settings()`, which finds the token secret."""

    model_config = SettingsConfigDict(env_prefix="NETRA_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    environment: Literal["development", "production"] = Field(
        default="development", description="production: no generated secret, no minted tokens."
    )
    home: Path = Field(default=Path("var"), description="Folder of the files that the backend writes.")

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Server processes.")

    metrics_token: SecretStr | None = Field(default=None, description="Bearer token that `/metrics` requires; unset: none is required.")
    drain_s: float = Field(
        default=20.0,
        ge=0,
        le=3600,
        description="Seconds that current runs get to end when the server is stopped; then they are cut.",
    )

    jwt_secret: SecretStr = Field(description="Key of the HS256 tokens, at least 32 bytes.")
    jwt_issuer: str = Field(default="netra", min_length=1, description="`iss` that a token must have.")
    jwt_audience: str = Field(default="netra-chat", min_length=1, description="`aud` that a token must have.")

    jwt_leeway_s: float = Field(
        default=30.0, ge=0, le=600, description="Seconds by which clocks of the identity provider and of this server may differ."
    )

    allowed_origins: Names = Field(
        default=("http://127.0.0.1:8000", "http://localhost:8000"), description="Web pages that may connect, comma-separated."
    )
    max_message_bytes: int = Field(
        default=64 * 2**10, ge=2**10, le=16 * 2**20, description="Size limit of one message from a client, in bytes."
    )
    rate_limit_per_minute: int = Field(default=60, ge=1, description="Chats that a user may start per minute, on average.")
    rate_limit_burst: int = Field(default=20, ge=1, description="Chats that a user may start at once.")

    database_url: SecretStr = Field(
        default_factory=_default_url, description="SQLAlchemy URL with an async driver; default: netra.db in `home`."
    )
    # goes with: migration
    legacy_runs_url: SecretStr = Field(
        default_factory=lambda data: data.get("database_url", SecretStr("")),
        description="SQLAlchemy URL of the run store of the legacy engines; default: the database.",
    )
    # stays
    user_runs_url: SecretStr = Field(
        default_factory=lambda data: data.get("database_url", SecretStr("")),
        description="SQLAlchemy URL of the user-scoped run store; default: the database.",
    )
    history_runs: int = Field(default=50, ge=0, description="Number of a thread's newest runs that agents receive.")
    read_only_tenants: Names = Field(default=(), description="Tenants whose users may not call tools that write, comma-separated.")

    model_provider: Literal["scripted", "openai"] = Field(
        default="scripted", description="scripted: offline and deterministic; openai: any compatible endpoint."
    )
    openai_base_url: str = Field(
        default="https://api.openai.com/v1", pattern=r"^https?://", description="Base URL of the chat completions endpoint."
    )
    openai_api_key: SecretStr | None = Field(default=None, description="Key of the endpoint; needed with `openai`.")
    openai_model: str = Field(default="gpt-4o-mini", min_length=1, description="Name of the model that the agents use.")
    openai_timeout_s: float = Field(default=20.0, gt=0, description="Time limit of a completion in seconds, retries included.")
    openai_retries: int = Field(
        default=2, ge=0, le=10, description="Retries of a failed completion: after 408, 409, 429, 5xx and lost connections."
    )
    scripted_latency_ms: float = Field(default=0.0, ge=0, le=60_000, description="Milliseconds that a scripted answer takes.")

    engines_per_user: int = Field(default=2, ge=1, description="Engines that a user may have at once.")
    max_engines: int = Field(default=1000, ge=1, description="Engines that all users may have at once.")
    engine_idle_s: float = Field(default=300.0, gt=0, description="Seconds after which an idle engine is closed.")

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value().encode()) < SECRET_BYTES:
            raise ValueError(f"is shorter than {SECRET_BYTES} bytes; make one with: openssl rand -hex 32")
        return secret

    @model_validator(mode="after")
    def _openai_has_a_key(self) -> Self:
        if self.model_provider == "openai" and self.openai_api_key is None:
            raise ValueError("NETRA_MODEL_PROVIDER=openai needs NETRA_OPENAI_API_KEY (any text if the endpoint asks for none)")
        return self


class _SecretSource(BaseSettings):
    """The settings that are needed to find the token secret; read before the rest."""

    model_config = SettingsConfigDict(env_prefix="NETRA_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    environment: Literal["development", "production"] = "development"
    home: Path = Path("var")
    jwt_secret: SecretStr | None = None


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field of Settings, checked by pydantic
    """Read the settings from the environment; arguments override variables.

    In development, without `NETRA_JWT_SECRET`, a random secret is stored in `home`, readable by the owner only, so that `netra token` and
    `netra serve` use the same secret.

    Raises:
        SettingsError: a variable is missing or unsafe; the message names it and says what to set. It never quotes a value.
    """
    try:
        source = _SecretSource(**overrides)
        if source.jwt_secret is None:
            if source.environment == "production":
                raise SettingsError(
                    "NETRA_JWT_SECRET is not set; production has no default: export NETRA_JWT_SECRET=$(openssl rand -hex 32)"
                )
            overrides = {**overrides, "jwt_secret": _development_secret(source.home)}
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(problem["loc"], problem["msg"]) for problem in error.errors())) from None


_PREFIX = "NETRA_"


def misspelt_variables(environment: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that looks like a setting but is not one, and so has no effect."""
    names = sorted({*known, *(f"{_PREFIX}{name}".upper() for name in Settings.model_fields)})
    unknown = sorted(name for name in environment if name.upper().startswith(_PREFIX) and name.upper() not in names)
    found = ((name, difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.8)) for name in unknown)
    return [
        f"{name} is not a setting" + (f"; did you mean {close[0]}?" if close else "; docs/settings.md lists all settings")
        for name, close in found
    ]


def _explain(location: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    return f"NETRA_{str(location[0]).upper()}: {said}" if location else said


def _development_secret(home: Path) -> SecretStr:
    """Return the secret in `home`; the first call creates it. Processes that start at the same time use the same secret."""
    path = home / _SECRET_FILE
    try:
        if not path.exists():
            home.mkdir(parents=True, exist_ok=True)
            _write_once(path, secrets.token_hex(SECRET_BYTES))
        kept = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; set NETRA_JWT_SECRET, or NETRA_HOME to a folder that can be written") from error
    if len(kept.encode()) < SECRET_BYTES:
        raise SettingsError(f"{path} is damaged: delete it, or set NETRA_JWT_SECRET")
    return SecretStr(kept)


def _write_once(path: Path, text: str) -> None:
    """Create `path` with its whole content, for the owner only, unless it exists by now.

    Creating a hard link is atomic and replaces nothing.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    try:
        os.link(partial, path)
    except FileExistsError:
        return
    finally:
        partial.unlink()
