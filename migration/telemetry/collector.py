"""The connection to an OTLP collector, over HTTP. Headers, certificates and compression come from OpenTelemetry's own variables."""

import gzip
import os
import ssl
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from migration.errors import ConfigurationError
from migration.settings import MigrationSettings
from migration.telemetry.otlp import rejected

Signal = Literal["traces"]

_PATHS: Final[Mapping[Signal, str]] = {"traces": "/v1/traces"}
_AGAIN: Final = frozenset({429, 502, 503, 504})
_LONGEST_ANSWER: Final = 2**16


class CollectorAnswer(NamedTuple):
    """The result of a request."""

    arrived: bool
    rejected: int = 0  #: items that the collector did not take, although it took the request
    again: bool = False  #: another attempt may succeed
    after_s: float | None = None  #: when, if the collector says so
    problem: str = ""  #: a status or the class of an error; never an address, which may contain a key


class Transport(Protocol):
    """Sends requests to one collector."""

    def send(self, body: bytes, timeout_s: float) -> CollectorAnswer:
        """Send one request. Raises nothing that the network or the collector causes."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def open_transport(settings: MigrationSettings, signal: Signal) -> Transport:
    """Return the connection to the collector that the settings name. Nothing is sent yet.

    Raises:
        ConfigurationError: the address, a certificate or the compression cannot be used.
    """
    return _Http(settings, signal)


def _variable(signal: Signal, name: str) -> str:
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _headers(signal: Signal) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in _variable(signal, "HEADERS").split(",") if "=" in pair)
    return {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in pairs}


def _compressed(signal: Signal) -> bool:
    chosen = _variable(signal, "COMPRESSION").lower() or "none"
    if chosen not in ("none", "gzip"):
        raise ConfigurationError(f"OTEL_EXPORTER_OTLP_COMPRESSION: {chosen!r} is not supported; use gzip or none")
    return chosen == "gzip"


class _Http:
    def __init__(self, settings: MigrationSettings, signal: Signal) -> None:
        bare = settings.otlp_endpoint.rstrip("/")
        for path in _PATHS.values():
            bare = bare.removesuffix(path)
        self._url = bare + _PATHS[signal]
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError("NETRA_MIGRATION_OTLP_ENDPOINT: give an address that begins with http:// or https://")
        self._headers = {"content-type": "application/x-protobuf", "user-agent": "netra-migration"} | _headers(signal)
        self._gzip = _compressed(signal)
        if self._gzip:
            self._headers["content-encoding"] = "gzip"
        options: dict[str, Any] = {"maxsize": 1, "retries": False}
        if parts.scheme == "https":
            options["ssl_context"] = _tls(signal)
        proxy = None if proxy_bypass(parts.hostname) else getproxies().get(parts.scheme)
        self._pool: urllib3.PoolManager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def send(self, body: bytes, timeout_s: float) -> CollectorAnswer:
        """Send one request; see `Transport`."""
        payload = gzip.compress(body, 1) if self._gzip else body
        try:
            answer = self._pool.request(
                "POST",
                self._url,
                body=payload,
                headers=self._headers,
                timeout=urllib3.Timeout(total=timeout_s),
                redirect=False,
                preload_content=False,
            )
            told = answer.read(_LONGEST_ANSWER, decode_content=True)
            answer.drain_conn()
            answer.release_conn()
        except Exception as error:  # noqa: BLE001 - whatever the network does, the next batch is sent
            again = isinstance(error, urllib3.exceptions.HTTPError | OSError)
            return CollectorAnswer(arrived=False, again=again, problem=type(error).__name__)
        if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
            return CollectorAnswer(arrived=True, rejected=rejected(told))
        wait = answer.headers.get("retry-after", "")
        after_s = float(wait) if wait.isdecimal() else None
        return CollectorAnswer(arrived=False, again=answer.status in _AGAIN, after_s=after_s, problem=f"status {answer.status}")

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()


def _tls(signal: Signal) -> ssl.SSLContext:
    certificate = _variable(signal, "CLIENT_CERTIFICATE")
    try:
        context = ssl.create_default_context(cafile=_variable(signal, "CERTIFICATE") or None)
        if certificate:
            context.load_cert_chain(certificate, _variable(signal, "CLIENT_KEY") or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_CERTIFICATE or _CLIENT_CERTIFICATE cannot be used: {type(error).__name__}; correct the paths"
        ) from error
    return context
