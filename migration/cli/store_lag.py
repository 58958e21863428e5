"""What `status` says about the run stores."""

from collections.abc import Collection

import msgspec

from migration.cli.output import note, print_table
from migration.errors import OutboxError
from migration.settings import MigrationSettings
from migration.stores import Coverage, Lag, Outbox, StoresDatabase


class Lacking(msgspec.Struct, frozen=True, kw_only=True):
    """Tenants some of whose runs were written without a store."""

    surface: str
    store: str
    tenants: int


class StoresStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far the run stores are behind."""

    waiting: list[Lag]  #: [] when no store is owed anything
    lacking: list[Lacking]  #: what `backfill` has to copy before a stage may depend on the store
    error: str | None  #: why it cannot be said; None: it can

    @property
    def needs_attention(self) -> bool:
        """Whether a run is parked, or nothing can be said."""
        return self.error is not None or any(lag.parked for lag in self.waiting)


def stores_status(settings: MigrationSettings, surfaces: Collection[str]) -> StoresStatus:
    """Return what the outbox and the gaps say of these surfaces, now."""
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
    """Print which store is owed runs that are on their way, and which lacks runs that nobody brings by itself."""
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
    """Tell on stderr what needs a person."""
    if found.error:
        note(f"the run stores' lag is unknown: {found.error}")
    for lag in found.waiting:
        if lag.parked:
            note(
                f"{lag.surface}: the {lag.store} store refused {lag.parked} runs ({lag.error}); mend it, then `netra-migration backfill "
                f"{lag.surface} --to {lag.store}` tries them again"
            )
        if lag.rows and lag.error:
            note(f"{lag.surface}: {lag.rows} runs wait for the {lag.store} store since {lag.oldest_s:.0f} s ({lag.error})")
