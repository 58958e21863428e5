"""The environment variables of a child process: those that it needs to start, and no secrets.

It receives everything else through a pipe.
"""

import os
from collections.abc import Mapping
from typing import Final

_NAMES: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT"}
)
_PREFIXES: Final = ("LC_", "SSL_CERT_", "OMP_", "OPENBLAS_", "MKL_")
#: Variables that say how Python itself runs, but not what it runs at start or where it writes.
_PYTHON: Final = frozenset({"PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONDEVMODE", "PYTHONMALLOC", "PYTHONWARNINGS"})

#: Variables of OpenTelemetry's exporter and PostgreSQL's driver: they may contain tokens and passwords, so only the worker gets them,
#: through its pipe.
_BY_PIPE: Final = ("OTEL_", "PG", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def plain(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that a child process starts with.

    Entries of PYTHONPATH that are not absolute are left out: an empty entry means the working directory, which may contain a file that has
    the name of a library.
    """
    kept = {name: value for name, value in environment.items() if name in _NAMES | _PYTHON or name.startswith(_PREFIXES)}
    if path := os.pathsep.join(entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)):  # noqa: PTH117 - strings
        kept["PYTHONPATH"] = path
    return kept


def by_pipe(environment: Mapping[str, str] = os.environ, *, reading: bool) -> dict[str, str]:
    """Return the variables that the worker receives through its pipe.

    Args:
        environment: the variables of this process.
        reading: whether engines may read from the outside; if so, all variables are sent, because the application's own variables configure
            such reads.
    """
    return {name: value for name, value in environment.items() if reading or name.upper().startswith(_BY_PIPE)}
