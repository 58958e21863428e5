"""Compares a surface's ledger of accepted divergences with the divergences that were found."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from migration.cli.judgement import as_divergence
from migration.comparison import Accepted, load_ledger
from migration.errors import LedgerError
from migration.evidence import DivergenceView
from migration.model import Divergence, Verdict


class LedgerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a surface's ledger."""

    entries: int
    permanent: int  #: entries without a last day
    expired: list[str]  #: ids of entries that no longer accept anything
    reopened: dict[str, list[str]]  #: expired entry -> fingerprints that it matches and that are divergent now
    stale: list[str]  #: ids of entries that never matched a known kind of divergence; [] without comparisons
    error: str | None  #: None: the file is valid, or there is none
    renamed: dict[str, str] = {}  #: entry that matches nothing any more -> the fingerprint that its kind of divergence has now

    def remarks(self) -> list[str]:
        """Return one sentence for each fact that a person should know."""
        found = [] if self.error is None else [self.error]
        for entry in self.expired:
            again = self.reopened.get(entry, [])
            if again:
                found.append(
                    f"accepted divergence {entry!r} has expired, and what it accepted is divergent again ({', '.join(again)}): fix "
                    "it, or give the entry a new date and a reason"
                )
            elif entry not in self.stale:
                found.append(f"accepted divergence {entry!r} has expired: fix what it accepted, or give the entry a new date and a reason")
            else:
                found.append(f"accepted divergence {entry!r} has expired, and it never matched anything that was found; remove it")
        unused = (entry for entry in self.stale if entry not in self.expired)
        return [
            *found,
            *(
                f"accepted divergence {entry!r} matches nothing any more: what it accepted now has the fingerprint {now}; "
                "put this fingerprint into the entry"
                for entry, now in self.renamed.items()
            ),
            *(f"accepted divergence {entry!r} is stale: it never matched anything that was found; remove it" for entry in unused),
        ]


def ledger_status(path: Path, known: Sequence[DivergenceView] | None, today: date) -> LedgerStatus:
    """Return the status of the ledger.

    Args:
        path: the ledger; it need not exist.
        known: all kinds of divergences of the surface; None: nothing was compared, so it is not known which entries are stale.
        today: the day for checking expiry.
    """
    try:
        ledger = load_ledger(path)
    except LedgerError as error:
        return LedgerStatus(entries=0, permanent=0, expired=[], reopened={}, stale=[], error=str(error))
    expired = ledger.expired(today)
    kinds = [(view, as_divergence(view)) for view in known or ()]
    reopened = {
        entry.id: again
        for entry in expired
        if (again := [v.fingerprint for v, d in kinds if v.verdict is Verdict.DIVERGENT and entry.matches(d)])
    }
    stale = [entry.id for entry in ledger.entries if known is not None and not any(_is_about(entry, view, found) for view, found in kinds)]
    return LedgerStatus(
        entries=len(ledger.entries),
        permanent=sum(entry.permanent for entry in ledger.entries),
        expired=[entry.id for entry in expired],
        reopened=reopened,
        stale=stale,
        error=None,
        renamed={entry.id: now for entry in ledger.entries if entry.in_force(today) and (now := _renamed(entry, known or ()))},
    )


def _renamed(entry: Accepted, known: Sequence[DivergenceView]) -> str | None:
    """Return the fingerprint under which the entry's kind of divergence is found now, if it is no longer found under the entry's
    fingerprint.
    """
    own = next((view for view in known if view.fingerprint == entry.fingerprint), None)
    if own is None:
        return None
    facts = (own.kind, own.lane, own.path, own.sentence)
    same = [view for view in known if (view.kind, view.lane, view.path, view.sentence) == facts and view.first_seen_at > own.last_seen_at]
    return max(same, key=lambda view: view.last_seen_at).fingerprint if same else None


def _is_about(entry: Accepted, view: DivergenceView, found: Divergence) -> bool:
    return view.accepted_by == entry.id or entry.matches(found)
