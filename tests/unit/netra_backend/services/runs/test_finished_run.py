import json
from types import SimpleNamespace

import pytest

from netra_backend.app.errors import RunStoreUnavailableError
from netra_backend.app.services.runs.finished_run import FinishedRun, finished_run
from netra_backend.app.services.runs.history import IncompleteThreadError, StoredHistory, messages_of
from netra_backend.app.services.user_execution_context import UserExecutionContext

ASKED = SimpleNamespace(surface="chat", tenant_id="acme", user_id="ada", thread_id="thread-1", run_id="run-1", received_at=5.0)
CONTEXT = UserExecutionContext(tenant_id="acme", user_id="ada", thread_id="thread-1", run_id="run-1")


def completed(answer: str | None) -> tuple[str, bytes]:
    return "agent_completed", json.dumps({"type": "agent_completed", "payload": {"result": {"final_answer": answer}}}).encode()


def kept(*frames: tuple[str, bytes], payload: dict | None = None, outcome: str = "completed") -> FinishedRun:
    return finished_run(ASKED, payload or {"message": "hello"}, frames, engine="user", outcome=outcome, duration_s=0.5)


def test_a_run_is_kept_with_whose_it_is_what_was_asked_and_what_was_answered():
    assert kept(completed("hi")) == FinishedRun(
        surface="chat",
        tenant_id="acme",
        user_id="ada",
        thread_id="thread-1",
        run_id="run-1",
        engine="user",
        question="hello",
        answer="hi",
        outcome="completed",
        started_at=5.0,
        duration_s=0.5,
    )


def test_of_several_agents_the_last_one_answers_the_user():
    assert kept(completed("sufficient"), ("agent_started", b"{}"), completed("Switch models."), ("agent_thinking", b"{}")).answer == (
        "Switch models."
    )


def test_the_last_answer_of_a_failed_run_is_no_answer():
    assert kept(completed("sufficient"), outcome="failed").answer is None


def test_a_tools_result_is_kept_as_json():
    frame = json.dumps({"payload": {"result": {"tool_name": "prices", "value": {"usd": 1.5}}}}).encode()
    run = kept(("run_result", frame), payload={"tool": "prices", "arguments": {}})
    assert json.loads(run.answer) == {"usd": 1.5}
    assert json.loads(run.question) == {"tool": "prices", "arguments": {}}


@pytest.mark.parametrize("frame", [b"", b"[]", b'{"payload": 3}', b'{"payload": {"result": {"final_answer": 3}}}', b"{}"])
def test_a_frame_outside_the_contract_answers_nothing(frame):
    assert kept(("agent_completed", frame)).answer is None


def test_runs_are_told_to_a_model_as_questions_and_answers(make_run):
    runs = [make_run(question="a?", answer="A."), make_run(question="b?", answer=None), make_run(question="c?", answer="C.")]
    assert messages_of(runs) == [
        {"role": "user", "content": "a?"},
        {"role": "assistant", "content": "A."},
        {"role": "user", "content": "b?"},
        {"role": "user", "content": "c?"},
        {"role": "assistant", "content": "C."},
    ]


async def test_the_history_of_a_thread_is_its_newest_runs_oldest_first(store, make_run):
    await store.write([make_run(f"run-{number}", question=f"{number}?", started_at=number) for number in range(5)])
    history = await StoredHistory(store, runs=2).history(CONTEXT)
    assert [message["content"] for message in history if message["role"] == "user"] == ["3?", "4?"]


class BrokenStore:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def thread(self, *_ids):
        raise self.error


async def test_a_user_whose_store_is_down_is_served_with_what_is_known_of_the_thread(make_run, caplog):
    history = await StoredHistory(BrokenStore(IncompleteThreadError([make_run()]))).history(CONTEXT)
    assert [message["content"] for message in history] == ["What did we spend?", "12 USD."]
    assert await StoredHistory(BrokenStore(RunStoreUnavailableError("down"))).history(CONTEXT) == []
    assert caplog.text.count("a thread could not be read completely") == 2


async def test_a_deployment_may_tell_its_agents_nothing(store, make_run):
    await store.write([make_run()])
    assert await StoredHistory(store, runs=0).history(CONTEXT) == []
