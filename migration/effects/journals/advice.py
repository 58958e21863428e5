"""The port that is needed for a contact with the outside that the boundary refused. Contacts are named by their system call or audit
event.
"""

from typing import Final

_NETWORK: Final = (
    "it opens a network connection: give httpx clients migration.effects.http.AsyncHttpPort (or HttpPort) as transport, model SDKs "
    "their port of migration.adapters, SQLAlchemy engines migration.effects.sql.read_port, and put @migration.effects.effect on a "
    "function that uses another client"
)
_PROGRAM: Final = "it starts or signals a program: put @migration.effects.effect on the function that does"
_FILE: Final = (
    "it reads or changes files: put @migration.effects.effect on the function that does, or read the file when the module is imported"
)
_WRITE: Final = (
    "it writes to a database, or has a result streamed: put @migration.effects.effect on the function that writes; read results at once"
)
_DATABASE: Final = (
    "it opens a database: give a SQLAlchemy engine migration.effects.sql.read_port, or put @migration.effects.effect on the function "
    "that reads"
)
_OTHER: Final = "put @migration.effects.effect on the function that does it"

_BY_NAME: Final = (
    (("database.",), _WRITE),
    (("sqlite3",), _DATABASE),
    (("socket", "connect", "send", "bind", "listen", "accept", "getaddrinfo", "gethost"), _NETWORK),
    (
        (
            "subprocess",
            "exec",
            "os.system",
            "os.exec",
            "os.fork",
            "os.posix_spawn",
            "os.spawn",
            "os.kill",
            "fork",
            "vfork",
            "clone",
            "kill",
        ),
        _PROGRAM,
    ),
    (
        (
            "open",
            "os.",
            "unlink",
            "rename",
            "mkdir",
            "rmdir",
            "link",
            "symlink",
            "truncate",
            "ftruncate",
            "chmod",
            "chown",
            "write",
        ),
        _FILE,
    ),
)


def port_for(contact: str) -> str:
    """Return what to do about a contact, as the end of a sentence.

    Args:
        contact: its name as the boundary gives it, such as "connect", "open for writing /tmp/x" or "subprocess.Popen".
    """
    return next((advice for begins, advice in _BY_NAME if contact.startswith(begins)), _OTHER)
