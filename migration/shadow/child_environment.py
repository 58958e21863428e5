"""What a child process gets of this one's environment: how to run, and no secret. What else it needs it is told by a pipe."""

import os
from collections.abc import Mapping
from typing import Final

_NAMES: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT"}
)
_PREFIXES: Final = ("LC_", "SSL_CERT_", "OMP_", "OPENBLAS_", "MKL_")
#: How Python itself runs; not what it runs first, or where it writes.
_PYTHON: Final = frozenset({"PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONDEVMODE", "PYTHONMALLOC", "PYTHONWARNINGS"})

#: Of OpenTelemetry's exporter and PostgreSQL's driver: tokens and passwords may be among them, so they go by the pipe, to the worker alone.
_BY_PIPE: Final = ("OTEL_", "PG", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def plain(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that a child process starts with.

    PYTHONPATH stays but for entries that are not absolute: an empty one is the working directory, where anybody's `attrs.py` may lie.
    """
    kept = {name: value for name, value in environment.items() if name in _NAMES | _PYTHON or name.startswith(_PREFIXES)}
    if path := os.pathsep.join(entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)):  # noqa: PTH117 - strings
        kept["PYTHONPATH"] = path
    return kept


def by_pipe(environment: Mapping[str, str] = os.environ, *, reading: bool) -> dict[str, str]:
    """Return the variables that the worker is told by its pipe.

    Args:
        environment: of this process.
        reading: whether engines may read: those are set up by the application's own variables, so all are told.
    """
    return {name: value for name, value in environment.items() if reading or name.upper().startswith(_BY_PIPE)}
