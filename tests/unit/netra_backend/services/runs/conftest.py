"""Runs as values, and each kind of run store on a fresh database."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.legacy import LegacyRunStore
from netra_backend.app.services.runs.user import UserRunStore

MakeRun = Callable[..., FinishedRun]


@pytest.fixture
def make_run() -> MakeRun:
    def make(run_id: str = "run-1", **fields: Any) -> FinishedRun:
        return FinishedRun(
            **{
                "surface": "chat",
                "tenant_id": "acme",
                "user_id": "ada",
                "thread_id": "thread-1",
                "run_id": run_id,
                "engine": "legacy",
                "question": "What did we spend?",
                "answer": "12 USD.",
                "outcome": "completed",
                "started_at": 1000.0,
                "duration_s": 0.25,
                **fields,
            }
        )

    return make


@pytest.fixture(params=[LegacyRunStore, UserRunStore], ids=["legacy", "user"])
def store(request: pytest.FixtureRequest, engine: AsyncEngine) -> Any:
    """A run store, of each kind."""
    return request.param(engine)
