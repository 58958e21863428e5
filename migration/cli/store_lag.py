"""What `status` shows about the run stores."""

from collections.abc import Collection

import msgspec

from migration.cli.output import note, print_table
from migration.errors import OutboxError
from migration.settings import MigrationSettings
from migration.stores import Coverage, Lag, Outbox, StoresDatabase


class Lacking(msgspec.Struct, frozen=True, kw_only=True):
    """Tenants whose history is incomplete in a store."""

    surface: str
    store: str
    tenants: int


class StoresStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far the run stores are behind."""

    waiting: list[Lag]  #: [] when no write is waiting
    lacking: list[Lacking]  #: what `backfill` has to copy before a stage may depend on the store
    error: str | None  #: why the state is not known; None: it is known

    @property
    def needs_attention(self) -> bool:
        """Whether a run is parked, or the state of the stores is not known."""
        return self.error is not None or any(lag.parked for lag in self.waiting)


def stores_status(settings: MigrationSettings, surfaces: Collection[str]) -> StoresStatus:
    """Return the writes that wait in the outbox for these surfaces, and the tenants whose history is incomplete."""
    database = StoresDatabase(settings.outbox())
    try:
        tenants = Coverage(database).tenants_now()
        return StoresStatus(
            waiting=[lag for lag in Outbox(database).lags_now() if lag.surface in surfaces],
            lacking=[Lacking(surface=one, store=store, tenants=count) for (one, store), count in tenants.items() if one in surfaces],
            error=None,
        )
    except OutboxError as error:
        return StoresStatus(waiting=[], lacking=[], error=str(error))
    finally:
        database.close()


def print_stores(found: StoresStatus) -> None:
    """Print for each store how many runs will still be delivered, and for how many tenants only a backfill can copy what is missing."""
    waiting: dict[tuple[str, str], Lag] = {(lag.surface, lag.store): lag for lag in found.waiting}
    lacking = {(one.surface, one.store): str(one.tenants) for one in found.lacking}
    rows = []
    for place in sorted({*waiting, *lacking}):
        lag = waiting.get(place)
        owed = ["-"] * 4 if lag is None else [str(lag.rows), f"{lag.oldest_s:.0f} s", str(lag.parked), lag.error or "-"]
        rows.append([*place, *owed, lacking.get(place, "-")])
    if rows:
        columns = ["surface", "store", "runs waiting", "oldest", "parked", "last error", "tenants to backfill"]
        print_table("Run stores", columns, rows)


def say_what_is_wrong(found: StoresStatus) -> None:
    """Report on stderr what needs attention."""
    if found.error:
        note(f"it is not known how far the run stores are behind: {found.error}")
    for lag in found.waiting:
        if lag.parked:
            note(
                f"{lag.surface}: the {lag.store} store refused {lag.parked} runs ({lag.error}); fix this, then `netra-migration "
                f"backfill {lag.surface} --to {lag.store}` tries them again"
            )
        if lag.rows and lag.error:
            note(f"{lag.surface}: {lag.rows} runs have waited for the {lag.store} store for {lag.oldest_s:.0f} s ({lag.error})")
