"""Adds an entry to a surface's ledger of accepted divergences, and keeps the ledger's comments and layout."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec
import tomlkit
from tomlkit.items import Array

from migration.comparison import Accepted, Ledger, parse_ledger
from migration.errors import ConfigurationError, LedgerError

_HEADER = "Accepted divergences. Each has an owner, a reason and a last day or `permanent`; `netra-migration status` names expired ones."


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that a person gives for the kind of divergence to accept."""

    fingerprint: str
    reason: str
    owner: str
    expires: date | None  #: None: it is permanent
    issue: str | None
    at_most: int | None = None


def add_entry(path: Path, entry: NewEntry, *, name: str, today: date) -> Accepted:
    """Add the entry at the end of the ledger and return it as the ledger reads it.

    Args:
        path: the ledger; made if it does not exist.
        entry: what is accepted, and why.
        name: the entry's id; if it is taken, a number is appended.
        today: the day for checking expiry.

    Raises:
        ConfigurationError: the last day is in the past, or an entry that has not expired already accepts this fingerprint.
        LedgerError: the ledger or the entry is not valid, or the file cannot be written.
    """
    if entry.expires is not None and entry.expires < today:
        raise ConfigurationError(f"--expires {entry.expires} is in the past; give the last day on which the divergence may be accepted")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            written = path.read_text(encoding="utf-8") if path.exists() else tomlkit.comment(_HEADER).as_string() + "\n"
            ledger = parse_ledger(written, str(path))
            _refuse_second(ledger, entry, today, path)
            id_ = _free_id(ledger, name)
            text = _with_entry(written, entry, id_)
            added = next(one for one in parse_ledger(text, str(path)).entries if one.id == id_)
            write_whole(path, text)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be written ({error.strerror}); check the folder's permissions") from error
    return added


def _refuse_second(ledger: Ledger, entry: NewEntry, today: date, path: Path) -> None:
    for one in ledger.entries:
        if one.fingerprint == entry.fingerprint and one.in_force(today):
            raise ConfigurationError(f"{path}: {one.id!r} already accepts {entry.fingerprint} {one.term}; change that entry")


def _free_id(ledger: Ledger, name: str) -> str:
    taken = {one.id for one in ledger.entries}
    number, id_ = 1, name
    while id_ in taken:
        number += 1
        id_ = f"{name}-{number}"
    return id_


def _with_entry(written: str, entry: NewEntry, id_: str) -> str:
    document = tomlkit.parse(written)
    entries = document.setdefault("accepted", tomlkit.aot())
    # If the existing entries are an array of inline tables, TOML does not allow a table with its own header after it.
    table = tomlkit.inline_table() if isinstance(entries, Array) else tomlkit.table()
    permanent = {"permanent": True} if entry.expires is None else {}
    for field, value in {"id": id_, **msgspec.structs.asdict(entry), **permanent}.items():
        if value is not None:
            table.add(field, value)
    entries.append(table)
    text = tomlkit.dumps(document)
    return text if text.endswith("\n") else text + "\n"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Lock the folder and not the file, because the file is replaced; a separate lock file would end up under version control.
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def write_whole(path: Path, text: str) -> None:
    """Write the file atomically: a reader sees the old or the new version, never a part."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
