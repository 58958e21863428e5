"""`GET /api/threads/{id}`: what was asked and answered in a thread."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from netra_backend.app.api.callers import Asking
from netra_backend.app.api.problems import documented
from netra_backend.app.services.runs.finished_run import FinishedRun, Outcome
from netra_backend.app.services.runs.history import messages_of
from netra_backend.app.services.user_execution_context import check_id

router = APIRouter(tags=["threads"])

_MOST_RUNS: Final = 1000
_EXAMPLE: Final[dict[str, Any]] = {
    "thread_id": "9d1f2c7a54e84f3bb1a8e5c3d2f4a6b7",
    "total": 1,
    "runs": [
        {
            "run_id": "4f0c2a9be7d14b6f8a3f1f7f2a6d9c55",
            "surface": "chat",
            "question": "What did we spend on gpt-4o?",
            "answer": "812.40 $ in the last 30 days.",
            "outcome": "completed",
            "started_at": 1746093600.0,
            "duration_s": 0.42,
        }
    ],
    "messages": [
        {"role": "user", "content": "What did we spend on gpt-4o?"},
        {"role": "assistant", "content": "812.40 $ in the last 30 days."},
    ],
}


class ThreadRun(BaseModel):
    """A question and its answer."""

    run_id: str
    surface: str = Field(description="the surface of the request: chat, oneshot, batch or tools")
    question: str = Field(description="the question; for a tool call its JSON")
    answer: str | None = Field(description="null if the run had no answer; for a tool call its JSON")
    outcome: Outcome
    started_at: float = Field(description="Unix seconds")
    duration_s: float


class ThreadMessage(BaseModel):
    """A message in the OpenAI chat format."""

    role: str
    content: str


class Thread(BaseModel):
    """A thread's history, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    thread_id: str
    total: int = Field(description="runs in the thread; `runs` contains some of them")
    runs: list[ThreadRun]
    messages: list[ThreadMessage] = Field(description="the same runs as messages")


@router.get(
    "/api/threads/{thread_id}",
    summary="A thread's history",
    response_description="The thread, oldest run first.",
    responses=documented(401, 403, 404, 422, 500, 503),
)
async def read_thread(
    thread_id: Annotated[str, Path(examples=["9d1f2c7a54e84f3bb1a8e5c3d2f4a6b7"])],
    caller: Asking,
    limit: Annotated[int, Query(ge=1, le=_MOST_RUNS, description="Largest number of runs to return; the newest are returned.")] = 100,
    skip: Annotated[int, Query(ge=0, le=10**9, description="Number of the newest runs to leave out.")] = 0,
) -> Thread:
    """Return the finished runs of one of the caller's threads, from every surface; 404 when it belongs to another user."""
    identity = caller.identity
    ids = identity.tenant_id, identity.user_id, check_id("thread_id", thread_id)
    await caller.gateway.threads.check(*ids)
    runs = await caller.gateway.runs.thread(*ids)
    end = max(0, len(runs) - skip)
    shown = runs[max(0, end - limit) : end]
    messages = [ThreadMessage.model_validate(message) for message in messages_of(shown)]
    return Thread(thread_id=thread_id, total=len(runs), runs=[_run(run) for run in shown], messages=messages)


def _run(run: FinishedRun) -> ThreadRun:
    return ThreadRun(
        run_id=run.run_id,
        surface=run.surface,
        question=run.question,
        answer=run.answer,
        outcome=run.outcome,
        started_at=run.started_at,
        duration_s=run.duration_s,
    )
