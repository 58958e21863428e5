"""What comparisons were made with: a comparison stores the digest of its basis, and each basis is stored once."""

import hashlib
from functools import lru_cache

import msgspec
from sqlalchemy import Connection, select

from migration.evidence.tables import bases
from migration.model import Basis


class BasisRows:
    """Makes the rows of bases, and remembers those that are not stored yet."""

    def __init__(self) -> None:
        self._new: dict[str, Basis] = {}
        self._stored: set[str] = set()

    def row(self, basis: Basis | None) -> dict[str, str | None]:
        """Return the column of `comparisons`."""
        if basis is None:
            return {"basis": None}
        digest = _digest(basis)
        if digest not in self._stored:
            self._new[digest] = basis
        return {"basis": digest}

    def new_rows(self) -> list[dict[str, str]]:
        """Return the rows of `bases` that were not stored yet."""
        return [{"id": digest, **_columns(basis)} for digest, basis in sorted(self._new.items())]

    def stored(self) -> None:
        """Record that these rows are committed."""
        self._stored |= self._new.keys()
        self._new = {}

    def forget(self) -> None:
        """Forget what is stored: the database may be another one now."""
        self._stored.clear()


def read_bases(connection: Connection) -> dict[str, Basis]:
    """Return all bases by digest."""
    return {
        row.id: Basis(policy=row.policy, ledger=row.ledger, build=row.build, tool=row.tool) for row in connection.execute(select(bases))
    }


def _columns(basis: Basis) -> dict[str, str]:
    return {name: getattr(basis, name)[:length] for name, length in _LENGTHS.items()}


@lru_cache(maxsize=64)
def _digest(basis: Basis) -> str:
    return hashlib.sha256(msgspec.json.encode(basis)).hexdigest()[:16]


_LENGTHS = {"policy": 64, "ledger": 64, "build": 128, "tool": 64}
