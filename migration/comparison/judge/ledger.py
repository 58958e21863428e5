"""Accepted divergences: one TOML file for each surface. Each entry has an owner, a reason, and a last day or the word permanent.

```toml
[[accepted]]
id = "started-twice"
fingerprint = "0f3a9c2b71de" # one kind of divergence; instead of a fingerprint, the entry may have:
# pattern = { kind = "duplicate_event", lane = "*", path = "agent_started", severity = "contract" }
reason = "The legacy engine announces an agent on two levels; clients ignore the second."
owner = "chat-team"
issue = "NETRA-209"                          # optional
at_most = 1                                  # optional: how often in one comparison; more of it stays divergent
expires = 2027-01-31                         # its last day; a difference that is to stay has `permanent = true` instead
```

`kind`, `lane` and `severity` are names in which `*` matches anything; `path` is a pattern as in policies. A field that a pattern leaves out
matches anything. Severity `security` is never accepted. `at_most` counts each fingerprint, and so each agent, separately: a known defect
occurs a known number of times, so one more lost event is not accepted. Control may be removed when all entries are permanent: each entry is
then a decision about the candidate, and not a defect that still has to be fixed.
"""

import re
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from migration.comparison.paths import glob, matches, split
from migration.errors import LedgerError
from migration.model import Divergence, Verdict

_FINGERPRINT = re.compile(r"[0-9a-f]{12}")
_HEADER = re.compile(r"^[ \t]*\[\[\s*accepted\s*\]\]", re.MULTILINE)
_NEVER = "another tenant's or user's data is never accepted: fix the engine"


class EntryPattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The divergences that an entry accepts. A part that is None matches everything."""

    kind: str | None = None
    lane: str | None = None
    path: str | None = None
    severity: str | None = None

    def matches(self, divergence: Divergence) -> bool:
        """Return whether all given parts fit the divergence."""
        names = ((self.kind, divergence.kind), (self.lane, divergence.lane), (self.severity, divergence.severity))
        if not all(wanted is None or glob(wanted)(name) for wanted, name in names):
            return False
        return self.path is None or matches(self.path, split(divergence.path))

    def fault(self) -> str | None:
        """Return the problem of the pattern; None: it has none."""
        if self.kind in {None, "*"} and self.path in {None, "*", "**"}:
            return "the pattern would accept nearly everything; name at least a `kind` or a `path`"
        return _NEVER if self.severity == "security" or self.kind in {"isolation_breach", "control_cross_talk"} else None


class Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry."""

    id: str
    reason: str
    owner: str
    expires: date | None = None  #: the last day on which the entry accepts; None: it is permanent
    permanent: bool = False  #: True: the difference will stay
    fingerprint: str | None = None  #: an entry has either a fingerprint or a pattern
    pattern: EntryPattern | None = None  #: only if the entry has no fingerprint
    issue: str | None = None
    at_most: int | None = None  #: accepted occurrences of a fingerprint in one comparison; None: any number

    def matches(self, divergence: Divergence) -> bool:
        """Return whether the entry is about this divergence, even if the entry has expired."""
        if self.pattern is not None:
            return self.pattern.matches(divergence)
        return self.fingerprint == divergence.fingerprint

    def in_force(self, today: date) -> bool:
        """Return whether the entry is in force on this day."""
        return self.expires is None or self.expires >= today

    @property
    def term(self) -> str:
        """How long the entry accepts: "until 2027-01-31" or "permanently"."""
        return "permanently" if self.expires is None else f"until {self.expires}"

    def fault(self) -> str | None:
        """Return the problem of an entry whose types are right, and how to correct it; None: it has none."""
        for name in ("id", "reason", "owner"):
            if not getattr(self, name).strip():
                return f"`{name}` is empty; an accepted divergence needs one"
        if (self.expires is None) == (not self.permanent):
            return "give either `expires`, its last day, or `permanent = true`"
        if (self.fingerprint is None) == (self.pattern is None):
            return "give either `fingerprint` or `pattern`"
        if self.at_most is not None and self.at_most < 1:
            return f"`at_most` is {self.at_most}; it is 1 or more, and an entry that accepts nothing is better removed"
        if self.fingerprint is not None and not _FINGERPRINT.fullmatch(self.fingerprint):
            return f"`fingerprint` is {self.fingerprint!r}; it has 12 hex digits, as `divergences list` prints them"
        return None if self.pattern is None else self.pattern.fault()


class Ledger:
    """The accepted divergences of one surface. Immutable."""

    def __init__(self, entries: Iterable[Accepted] = ()) -> None:
        self.entries = tuple(entries)

    def expired(self, today: date) -> tuple[Accepted, ...]:
        """Return the entries that no longer accept anything."""
        return tuple(entry for entry in self.entries if not entry.in_force(today))

    def judge(self, divergence: Divergence, today: date) -> Divergence:
        """Return the divergence: marked as accepted if an entry in force matches it and allows its number of occurrences, else unchanged.

        If a divergence occurs too often to be accepted, its note says this.
        """
        if divergence.severity == "security" or divergence.kind == "isolation_breach":
            return divergence
        exceeded: Accepted | None = None
        for entry in self.entries:
            if entry.in_force(today) and entry.matches(divergence):
                if entry.at_most is None or divergence.occurrences <= entry.at_most:
                    return msgspec.structs.replace(divergence, verdict=Verdict.ACCEPTED, accepted_by=entry.id)
                exceeded = exceeded or entry
        return divergence if exceeded is None else _beyond(divergence, exceeded)


def _beyond(divergence: Divergence, entry: Accepted) -> Divergence:
    note = f"It does so {times(divergence.occurrences)} in this run, and {entry.id!r} of the ledger accepts it {times(entry.at_most or 0)}."
    return msgspec.structs.replace(divergence, note=note)


def times(number: int) -> str:
    """Return "once", "twice", "3 times"."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def parse_ledger(written: str, source: str) -> Ledger:
    """Return the ledger in a TOML text.

    Args:
        written: the TOML text.
        source: named in errors, usually the file.

    Raises:
        LedgerError: the text is not TOML, or an entry lacks an id, reason, owner or term, has both a fingerprint and a pattern or neither
            of them, has the id of another entry, or would accept divergences that must not be accepted. The message names the line if it is
            known.
    """
    try:
        document = tomllib.loads(written)
    except tomllib.TOMLDecodeError as error:
        raise LedgerError(f"{source}: {error}") from error
    unknown = document.keys() - {"accepted"}
    if unknown or not isinstance(document.get("accepted", []), list):
        raise LedgerError(
            f"{source}: a ledger holds [[accepted]] entries and nothing else; remove {', '.join(sorted(unknown)) or 'the rest'}"
        )
    entries: list[Accepted] = []
    for index, entry in enumerate(document.get("accepted", [])):
        accepted, fault = _entry(entry)
        if accepted is not None and any(other.id == accepted.id for other in entries):
            fault = f"another entry is called {accepted.id!r} too"
        if accepted is None or fault:
            raise LedgerError(f"{_where(source, written, index)}: {fault}")
        entries.append(accepted)
    return Ledger(entries)


def _entry(entry: object) -> tuple[Accepted | None, str | None]:
    """Return the entry (None: unreadable) and its problem (None: it has none)."""
    try:
        accepted = msgspec.convert(entry, Accepted)
    except msgspec.ValidationError as error:
        return None, str(error)
    return accepted, accepted.fault()


def load_ledger(path: Path) -> Ledger:
    """Return the ledger in a file; if there is no file, a ledger that accepts nothing.

    Raises:
        LedgerError: the file cannot be read, or see `parse_ledger`.
    """
    try:
        written = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Ledger()
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path}: the ledger cannot be read ({error})") from error
    return parse_ledger(written, str(path))


def _where(source: str, written: str, index: int) -> str:
    """Return the source with the line of the entry's header, if the entry has its own header."""
    headers = [match.start() for match in _HEADER.finditer(written)]
    if index >= len(headers):
        return source
    return f"{source}, line {written.count(chr(10), 0, headers[index]) + 1}, entry {index + 1}"
