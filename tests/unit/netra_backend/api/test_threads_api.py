"""`GET /api/threads/{id}`: a user's own thread, and nobody else's."""

import json
from typing import Any

import pytest

from netra_backend.app.errors import RunStoreUnavailableError
from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.history import IncompleteThreadError
from netra_backend.app.services.tokens import mint

MINE = ("acme", "ann", "thread-7")


def run_of(number: int) -> FinishedRun:
    return FinishedRun(
        surface="chat",
        tenant_id="acme",
        user_id="ann",
        thread_id="thread-7",
        run_id=f"run-{number}",
        engine="user",
        question=f"{number}?",
        answer=None if number == 2 else f"{number}.",
        outcome="failed" if number == 2 else "completed",
        started_at=float(number),
        duration_s=0.5,
    )


class MemoryRuns:
    """Finished runs by thread; raises `error` when it is set."""

    def __init__(self) -> None:
        self.threads = {MINE: [run_of(number) for number in range(5)]}
        self.error: Exception | None = None

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[FinishedRun]:
        if self.error is not None:
            raise self.error
        return self.threads.get((tenant_id, user_id, thread_id), [])[-(newest or 0) :]


@pytest.fixture
def runs() -> MemoryRuns:
    return MemoryRuns()


@pytest.fixture
async def get(make_site: Any, runs: MemoryRuns) -> Any:
    async with make_site({"runs": runs}) as site:
        await site.post("/api/agents/data/run", {"message": "mine from now on", "thread_id": "thread-7"})

        async def get(path: str, *, user: str = "ann", tenant: str = "acme", token: str | None = None) -> Any:
            bearer = token or mint(site.settings, tenant, user)
            return await site._client.get(path, headers={"Authorization": f"Bearer {bearer}"})

        yield get


async def test_a_thread_is_its_runs_oldest_first_and_the_same_as_messages(get: Any) -> None:
    answer = await get("/api/threads/thread-7")
    thread = answer.json()
    assert (answer.status_code, thread["thread_id"], thread["total"]) == (200, "thread-7", 5)
    assert [run["run_id"] for run in thread["runs"]] == [f"run-{number}" for number in range(5)]
    assert thread["runs"][2] == {
        "run_id": "run-2",
        "surface": "chat",
        "question": "2?",
        "answer": None,
        "outcome": "failed",
        "started_at": 2.0,
        "duration_s": 0.5,
    }
    assert thread["messages"][4:6] == [{"role": "user", "content": "2?"}, {"role": "user", "content": "3?"}]


@pytest.mark.parametrize(
    ("query", "shown"), [("limit=2", [3, 4]), ("limit=2&skip=1", [2, 3]), ("skip=4", [0]), ("skip=9", []), ("limit=1000", [0, 1, 2, 3, 4])]
)
async def test_a_long_thread_is_read_in_parts_from_its_end(get: Any, query: str, shown: list[int]) -> None:
    thread = (await get(f"/api/threads/thread-7?{query}")).json()
    assert ([int(run["run_id"][4:]) for run in thread["runs"]], thread["total"]) == (shown, 5)


@pytest.mark.parametrize("who", [{"user": "bob"}, {"tenant": "globex"}])
async def test_a_thread_of_somebody_else_is_not_found_and_looks_like_none_at_all(get: Any, who: dict[str, str]) -> None:
    theirs, none = await get("/api/threads/thread-7", **who), await get("/api/threads/thread-8")
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert {key: theirs.json()[key] for key in ("code", "message")} == {key: none.json()[key] for key in ("code", "message")}


async def test_asking_for_a_thread_does_not_take_its_id(get: Any) -> None:
    await get("/api/threads/thread-8", user="bob")
    assert (await get("/api/threads/thread-8", user="bob")).status_code == 404


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("thread-7?limit=0", "limit"),
        ("thread-7?skip=-1", "skip"),
        ("thread-7?limit=x", "limit"),
        ("placeholder", "thread_id"),
        ("%00", "thread_id"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_name(get: Any, path: str, named: str) -> None:
    answer = await get(f"/api/threads/{path}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert named in answer.json()["message"]


@pytest.mark.parametrize("error", [IncompleteThreadError([run_of(1)]), RunStoreUnavailableError("agent_runs: OperationalError")])
async def test_a_thread_that_cannot_be_read_whole_is_said_to_be_unavailable(get: Any, runs: MemoryRuns, error: Exception) -> None:
    runs.error = error
    answer = await get("/api/threads/thread-7")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "5")
    assert "agent_runs" not in answer.text


async def test_without_a_token_nothing_is_told(get: Any) -> None:
    assert (await get("/api/threads/thread-7", token="nonsense")).status_code == 401


async def test_agents_are_told_what_was_said_in_their_thread_before(make_site: Any, runs: MemoryRuns) -> None:
    async with make_site({"runs": runs}) as site:
        await site.post("/api/agents/data/run", {"message": "and now?", "thread_id": "thread-7"})
        [(_, _, payload)] = site.execution.asked
    assert json.dumps(payload["history"][-2:]) == json.dumps([{"role": "user", "content": "4?"}, {"role": "assistant", "content": "4."}])


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/agents/data/run", {"message": "hello"}), ("/api/batch", {"items": [{"message": "hello"}]})],
    ids=["oneshot", "batch"],
)
async def test_for_a_thread_that_begins_no_store_is_asked(make_site: Any, path: str, body: Any) -> None:
    class Refuses:
        async def thread(self, *_: Any) -> Any:
            raise AssertionError("a new thread has no runs")

    async with make_site({"runs": Refuses()}) as site:
        assert (await site.post(path, body)).status_code == 200
        [(_, _, payload)] = site.execution.asked
    assert payload["history"] == []
