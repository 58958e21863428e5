"""`Backfill`: copies every run of a surface from one store to the other, during traffic.

1. The first pass copies missing runs and stores its position, so that a killed backfill continues there.
2. The second pass reads all runs again, copies runs that are new since the first pass, reads them back, and compares count and digest for
   each tenant.
3. The history of a tenant is complete if the store has all its runs, and no run was written to the other store alone after the
second pass began. All other new runs go through the outbox, which serves both stores.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from migration.errors import StoreRefusedError
from migration.model import encode
from migration.stages import Store
from migration.stores.coverage import Coverage
from migration.stores.outbox import Outbox
from migration.stores.run import RunKey, RunScan, RunStores, StoredRun, key_of, other

_DIGEST_BITS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillProgress:
    """The progress of a pass."""

    number: int  #: number of the pass: 1 copies, 2 verifies
    runs: int  #: runs read in this pass since it began or was resumed
    of: int  #: runs in the source when the pass began


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantResult:
    """Counts and digests of one tenant's runs in both stores."""

    tenant_id: str
    runs: int  #: runs in the source
    found: int  #: runs of the source that the target has with the same content
    digest: str  #: digest of the runs in the source, 16 hex digits
    found_digest: str  #: digest of those runs in the target
    whole: bool  #: whether the target is known to contain every run of the tenant
    reason: str | None  #: why the history is incomplete; None: it is complete


@dataclass(slots=True)
class _Sum:
    """Count and digest of some runs, in any order."""

    runs: int = 0
    digest: int = 0

    def add(self, run: StoredRun) -> None:
        # Sums of digests do not depend on the order, and unlike an exclusive or, a sum detects a duplicate run.
        self.runs += 1
        self.digest = (self.digest + int.from_bytes(hashlib.sha256(encode(run)).digest())) % 2**_DIGEST_BITS

    def text(self) -> str:
        return f"{self.digest:064x}"[:16]


@dataclass(slots=True)
class _Tenant:
    """The result of a pass for one tenant."""

    source: _Sum = field(default_factory=_Sum)
    target: _Sum = field(default_factory=_Sum)  #: count and digest of the same runs in the target
    wrong: str | None = None  #: why a run is missing or differs

    @property
    def same(self) -> bool:
        """Whether the target has every run with the same content."""
        return (self.source.runs, self.source.digest) == (self.target.runs, self.target.digest)


class Backfill:
    """Copies one surface's runs into one store.

    Args:
        surface: the surface to copy.
        into: the store that must become complete.
        stores: both stores.
        coverage: stores the position, and the histories that are known to be complete.
        outbox: the outbox, whose parked rows are tried again too.
        tell: receives the progress.
        page: runs read at a time.
    """

    def __init__(
        self,
        surface: str,
        into: Store,
        *,
        stores: RunStores,
        coverage: Coverage,
        outbox: Outbox,
        tell: Callable[[BackfillProgress], None] = lambda _: None,
        page: int = 500,
    ) -> None:
        self._surface, self._into = surface, into
        self._source: RunScan = stores.scans[other(into)]
        self._target: RunScan = stores.scans[into]
        self._store, self._identity = stores.stores[into], stores.identities.get(into, "")
        self._coverage, self._outbox, self._tell, self._page = coverage, outbox, tell, page
        self.copied = 0  #: runs copied by this backfill, including those before a restart

    async def run(self) -> list[TenantResult]:
        """Copy and verify; return the result of each tenant that has runs or a gap, by id. Repeating this is safe, and so are other writes
        meanwhile.

        Raises:
            StoreUnavailableError: a store does not answer; run it again, and it continues at its position.
            OutboxError: the progress cannot be stored; run it again, and it continues at its position.
        """
        await self._outbox.unpark(self._surface)
        place = await self._coverage.progress(self._surface, self._into)
        self.copied = place.copied if place.after else 0
        await self._pass(1, place.after)
        gaps = await self._coverage.gaps(self._surface, self._into)
        tenants = await self._pass(2, None)
        for name, tenant in tenants.items():
            if not tenant.same:
                await self._coverage.mark(self._surface, name, self._into)
        for name, gap in gaps.items():
            if tenants.get(name, _Tenant()).same:
                await self._coverage.close(gap)
        runs = await self._target.count(self._surface)
        await self._coverage.verified(self._surface, self._into, identity=self._identity, runs=runs)
        gaps = await self._coverage.gaps(self._surface, self._into)
        return [self._result(name, tenants.get(name, _Tenant()), name in gaps) for name in sorted({*tenants, *gaps})]

    async def _pass(self, number: int, after: RunKey | None) -> dict[str, _Tenant]:
        """Read every run once; copy what the target lacks."""
        tenants: dict[str, _Tenant] = {}
        runs, of = 0, await self._source.count(self._surface)
        while page := await self._source.page(self._surface, after, self._page):
            there = await self._find(page)
            missing = [run for run in page if key_of(run) not in there]
            await self._copy(missing, tenants)
            there |= await self._find(missing)
            for run in page:
                tenant = tenants.setdefault(run.tenant_id, _Tenant())
                tenant.source.add(run)
                if (kept := there.get(key_of(run))) is not None:
                    tenant.target.add(kept)
                    if kept != run:
                        tenant.wrong = f"run {run.run_id} is not the same in both stores"
            after, runs = key_of(page[-1]), runs + len(page)
            if number == 1:
                await self._coverage.advance(self._surface, self._into, after, self.copied)
            self._tell(BackfillProgress(number=number, runs=runs, of=max(of, runs)))
        return tenants

    async def _find(self, runs: Sequence[StoredRun]) -> dict[RunKey, StoredRun]:
        """Return the target's runs from the first of these runs to the last, by key."""
        if not runs:
            return {}
        return {key_of(run): run for run in await self._target.between(self._surface, key_of(runs[0]), key_of(runs[-1]))}

    async def _copy(self, missing: Sequence[StoredRun], tenants: dict[str, _Tenant]) -> None:
        try:
            if missing:
                await self._store.write(missing)
            self.copied += len(missing)
        except StoreRefusedError:
            # One bad run must not prevent the copy of the others.
            for run in missing:
                try:
                    await self._store.write([run])
                    self.copied += 1
                except StoreRefusedError as error:
                    tenants.setdefault(run.tenant_id, _Tenant()).wrong = str(error)

    def _result(self, tenant_id: str, seen: _Tenant, gap: bool) -> TenantResult:
        reason = None
        if not seen.same:
            reason = seen.wrong or f"the {self._into} store accepted runs that it does not return"
        elif gap:
            reason = f"runs are still being written to the {other(self._into)} store alone"
        return TenantResult(
            tenant_id=tenant_id,
            runs=seen.source.runs,
            found=seen.target.runs,
            digest=seen.source.text(),
            found_digest=seen.target.text(),
            whole=reason is None,
            reason=reason,
        )
