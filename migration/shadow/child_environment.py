"""The environment of a child process: enough to run, and no secret. Everything else comes through a pipe."""

import os
from collections.abc import Mapping
from typing import Final

_NAMES: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT"}
)
_PREFIXES: Final = ("LC_", "SSL_CERT_", "OMP_", "OPENBLAS_", "MKL_")
#: How Python itself runs; not what it runs first, or where it writes.
_PYTHON: Final = frozenset({"PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONDEVMODE", "PYTHONMALLOC", "PYTHONWARNINGS"})

#: Of OpenTelemetry's exporter and PostgreSQL's driver: they may contain tokens and passwords, so they are sent through the pipe, only to
#: the worker.
_BY_PIPE: Final = ("OTEL_", "PG", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def plain(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that a child process starts with.

    PYTHONPATH stays except for entries that are not absolute: an empty one is the working directory, which may contain anybody's
    `attrs.py`.
    """
    kept = {name: value for name, value in environment.items() if name in _NAMES | _PYTHON or name.startswith(_PREFIXES)}
    if path := os.pathsep.join(entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)):  # noqa: PTH117 - strings
        kept["PYTHONPATH"] = path
    return kept


def by_pipe(environment: Mapping[str, str] = os.environ, *, reading: bool) -> dict[str, str]:
    """Return the variables that the worker receives through its pipe.

    Args:
        environment: of this process.
        reading: whether engines may read: the application's own variables configure those, so all are sent.
    """
    return {name: value for name, value in environment.items() if reading or name.upper().startswith(_BY_PIPE)}
