"""Records in the history that another version of the code began to serve."""

from migration.history import Entry, History
from migration.processes.identity import code_version, this_host


def note_release(history: History, name: str) -> None:
    """Write an entry if the last recorded version is another one. If several processes start with it, only one writes the entry.

    Args:
        history: receives the entry.
        name: the name of this process.

    Raises:
        HistoryError: the history cannot be read or written.
    """
    last, version = history.last("release"), code_version()
    if last is None or last.what != _what(version):
        before = "none" if last is None else f"{last.at:.6f}"
        entry = Entry(kind="release", what=_what(version), who="", host=this_host(), seen=f"by {name}")
        history.append_first(entry, f"release {version} after {before}")


def _what(version: str) -> str:
    return f"version {version} began to serve"
