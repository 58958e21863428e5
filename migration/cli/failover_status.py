"""What `status` and `doctor` show of failover: where it is on, and the share of failed runs that control saved."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from migration.processes import ProcessRow


class FailoverStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Failover on one surface, by the reports of its processes."""

    on: bool | None  #: for tenants that the flag does not name; None: no process reports it, or they differ
    results: dict[str, int]  #: result -> runs that candidate failed since the processes started; see `FailoverResult`

    @property
    def share_saved(self) -> float | None:
        """The share of the runs failed by candidate that control saved, 0 to 1; None: candidate failed no run."""
        failed = sum(self.results.values())
        return self.results.get("saved", 0) / failed if failed else None

    def remarks(self) -> list[str]:
        """Return what a person should know, one sentence each."""
        failed, saved = sum(self.results.values()), self.results.get("saved", 0)
        if not failed:
            return ["failover is on"] if self.on else []
        others = ", ".join(f"{times} {result}" for result, times in sorted(self.results.items()) if result != "saved")
        return [f"control saved {saved} of {failed} runs that candidate failed" + (f"; the others: {others}" if others else "")]


def failover_status(surface: str, rows: Iterable[ProcessRow]) -> FailoverStatus:
    """Return what these processes report about the surface."""
    switches: set[bool | None] = set()
    results: Counter[str] = Counter()
    for row in rows:
        switches.add(row.failover.get(surface))
        results.update(row.failovers.get(surface, {}))
    return FailoverStatus(on=switches.pop() if len(switches) == 1 else None, results=dict(results))
