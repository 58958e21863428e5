"""Both run stores in the form that the migration expects, and a reader of threads that uses the stores named by the plans."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from pydantic import SecretStr
from sqlalchemy import make_url

from migration.model import Origin, RunRecord
from migration.stores import AdaptedScan, AdaptedStore, RunStores, Shape, StoredRun, ThreadReader
from netra_backend.app import errors
from netra_backend.app.config import Settings, load_settings
from netra_backend.app.services.database import ActionPlanRow, ThreadRow, UsageRow
from netra_backend.app.services.personal_data import PersonalData
from netra_backend.app.services.runs.databases import RunDatabases
from netra_backend.app.services.runs.finished_run import FinishedRun, finished_run, in_order
from netra_backend.app.services.runs.history import IncompleteThreadError, ThreadRuns
from netra_backend.app.services.runs.legacy import LEGACY_RUNS, LegacyRunStore
from netra_backend.app.services.runs.user import USER_RUNS, user_run_scan

_json: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.encode


def _stored(run: FinishedRun) -> StoredRun:
    return StoredRun(
        surface=run.surface,
        tenant_id=run.tenant_id,
        user_id=run.user_id,
        thread_id=run.thread_id,
        run_id=run.run_id,
        started_at=run.started_at,
        body=_encode(run),
    )


def finished(record: RunRecord) -> StoredRun:
    """Return the run in the form in which it is stored."""
    frames = ((event.kind, event.payload) for event in record.events)
    engine = "legacy" if record.origin is Origin.CONTROL else "user"
    if (failed := record.failover) is not None:
        engine += f", after user failed ({failed.reason}, build {failed.build or 'unknown'})"
    payload = _json.decode(record.request.payload)
    return _stored(finished_run(record.request, payload, frames, engine=engine, outcome=record.outcome, duration_s=record.duration_s))


_finished_run = msgspec.json.Decoder(FinishedRun)
_RUNS: Final = Shape(
    encode=_stored,
    decode=lambda run: _finished_run.decode(run.body),
    unavailable=errors.RunStoreUnavailableError,
    refused=errors.RunRefusedError,
)


def run_stores(databases: RunDatabases, settings: Settings) -> RunStores:
    """Return both run stores, their scans and the personal data in them, on the databases' connections."""
    main = databases.engine(settings.database_url)
    personal = PersonalData(
        [
            (databases.engine(settings.legacy_runs_url), LEGACY_RUNS),
            (databases.engine(settings.user_runs_url), USER_RUNS),
            *((main, row.metadata.tables[row.__tablename__]) for row in (ThreadRow, ActionPlanRow, UsageRow)),
        ]
    )
    legacy, user_scan = LegacyRunStore(databases.engine(settings.legacy_runs_url)), user_run_scan(databases.engine(settings.user_runs_url))
    return RunStores(
        stores={"legacy": AdaptedStore(legacy, _RUNS), "user": AdaptedStore(databases.user, _RUNS)},
        scans={"legacy": AdaptedScan(legacy, _RUNS), "user": AdaptedScan(user_scan, _RUNS)},
        identities={"legacy": _identity(settings.legacy_runs_url), "user": _identity(settings.user_runs_url)},
        personal=personal,
    )


def _identity(url: SecretStr) -> str:
    """Return a digest of a database's address, without user and password."""
    found = make_url(url.get_secret_value())
    place = str(Path(found.database or "").resolve()) if found.get_backend_name() == "sqlite" else found.database
    return hashlib.sha256(_encode([found.get_backend_name(), found.host, found.port, place])).hexdigest()


@asynccontextmanager
async def open_run_stores(settings: Settings | None = None) -> AsyncIterator[RunStores]:
    """Open the run stores of these settings, for `netra-migration backfill`. None: the settings of the environment.

    Raises:
        SettingsError: a setting of the backend cannot be used.
    """
    chosen = settings or load_settings()
    databases = RunDatabases(chosen)
    try:
        yield run_stores(databases, chosen)
    finally:
        await databases.aclose()


class PlannedThreads:
    """The backend's `ThreadRuns`: reads a thread from the stores that its plans name.

    Args:
        reader: knows the plans of the surfaces that are being migrated.
        done: contains the runs of the surfaces that are done; None: no surface is done.
    """

    def __init__(self, reader: ThreadReader, done: ThreadRuns | None = None) -> None:
        self._reader, self._done = reader, done

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[FinishedRun]:
        """Return the thread's runs, oldest first: all of them, or only the `newest`.

        Raises:
            IncompleteThreadError: a store that may contain more runs does not answer; the error contains the known ones.
        """
        view = await self._reader.thread(tenant_id, user_id, thread_id, newest)
        runs, complete = {run.run_id: run for run in (_finished_run.decode(run.body) for run in view.runs)}, view.complete
        if self._done is not None:
            try:
                runs |= {run.run_id: run for run in await self._done.thread(tenant_id, user_id, thread_id, newest)}
            except errors.RunStoreUnavailableError:
                complete = False
        known = in_order(runs.values())
        known = known if newest is None else known[-newest:]
        if not complete:
            raise IncompleteThreadError(known)
        return known
