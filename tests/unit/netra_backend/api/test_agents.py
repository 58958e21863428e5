"""`POST /api/agents/{agent}/run`: what is asked, what is answered, and what is refused with which status."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from netra_backend.app.errors import (
    AgentTimeoutError,
    CapacityError,
    EngineClosedError,
    ExecutionEngineFactoryError,
    ModelUnavailableError,
    UserLimitExceededError,
)

RUN = "/api/agents/data/run"
ASKED = {"message": "What did we spend?"}
EVENTS = {"Accept": "text/event-stream"}


def raising(error: BaseException) -> Any:
    async def script(_context: Any, _payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        raise error
        yield b""

    return script


async def test_the_answer_is_the_runs_result(site: Any) -> None:
    answer = await site.post(RUN, {**ASKED, "thread_id": "thread-7", "request_id": "q-1"})
    [(surface, context, payload)] = site.execution.asked
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {
        "run_id": context.run_id,
        "thread_id": "thread-7",
        "request_id": "q-1",
        "status": "completed",
        "result": {"asked": payload, "for": "ann"},
    }
    assert (surface, context.tenant_id, payload) == ("oneshot", "acme", {"agent": "data", **ASKED, "history": []})


async def test_asked_for_events_the_answer_is_every_frame_as_it_is(site: Any, events_of: Any) -> None:
    answer = await site.post(RUN, ASKED, headers=EVENTS)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [(kind, data["type"]) for kind, data in events_of(answer.text)] == [("agent_started",) * 2, ("run_result",) * 2]


async def test_a_run_that_breaks_off_ends_its_events_with_an_error(site: Any, events_of: Any, frame_of: Any) -> None:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        yield frame_of("agent_started")
        raise ConnectionResetError("secret of ann")

    site.execution.script = script
    answer = await site.post(RUN, ASKED, headers=EVENTS)
    (first, _), (last, told) = events_of(answer.text)
    assert (answer.status_code, first, last, told["code"]) == (200, "agent_started", "error", "internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (UserLimitExceededError(2, 2), 429, "busy", "1"),
        (CapacityError(1000, 1000, 3), 429, "busy", "3"),
        (ExecutionEngineFactoryError("the factory is shut down"), 503, "unavailable", "5"),
        (EngineClosedError("closed"), 503, "unavailable", "5"),
        (OperationalError("SELECT secret", {}, Exception("no")), 503, "unavailable", "5"),
        (TimeoutError(), 504, "timed_out", None),
        (AgentTimeoutError("data", 25.0), 504, "timed_out", None),
        (ModelUnavailableError("the model refused the request"), 500, "internal", None),
        (RuntimeError("secret of ann"), 500, "internal", None),
    ],
)
@pytest.mark.parametrize("headers", [{}, EVENTS])
async def test_what_refuses_a_run_before_its_first_frame_is_a_status(
    error: Exception, status: int, code: str, retry_after: str | None, headers: dict[str, str], *, site: Any
) -> None:
    site.execution.script = raising(error)
    answer = await site.post(RUN, ASKED, headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.headers.get("retry-after")) == (status, code, retry_after)
    assert answer.json().keys() - {"retry_after_s"} == {"code", "message", "support_code"}
    assert "secret" not in answer.text


@pytest.mark.parametrize("frames", [[], ["agent_started"]])
async def test_a_run_without_a_result_is_a_failure_of_ours(frames: list[str], site: Any, frame_of: Any) -> None:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        for kind in frames:
            yield frame_of(kind)

    site.execution.script = script
    answer = await site.post(RUN, ASKED)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")


@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Basic YW5uOnB3"])
@pytest.mark.parametrize("path", [RUN, "/api/batch", "/api/tools/price_lookup"])
async def test_without_a_valid_token_nothing_is_looked_at(token: str | None, path: str, site: Any) -> None:
    answer = await site.post(path, b"no json", headers={"Authorization": token or ""})
    assert (answer.status_code, answer.json()["code"], answer.headers["www-authenticate"]) == (401, "unauthenticated", "Bearer")
    assert site.execution.asked == []


async def test_a_page_of_another_site_may_not_ask(site: Any) -> None:
    answer = await site.post(RUN, ASKED, headers={"Origin": "http://evil.example.net"})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize("agent", ["poet", "supervisor", "Data", "%00"])
async def test_an_agent_that_is_not_there_is_not_found(agent: str, site: Any) -> None:
    answer = await site.post(f"/api/agents/{agent}/run", ASKED)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_agent")


async def test_the_thread_of_somebody_else_is_not_found(site: Any) -> None:
    await site.post(RUN, {**ASKED, "thread_id": "thread-7"}, user="bob")
    answer = await site.post(RUN, {**ASKED, "thread_id": "thread-7"})
    assert (answer.status_code, answer.json()["code"], len(site.execution.asked)) == (404, "foreign_thread", 1)


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (b"", "one JSON object"),
        (b"{", "one JSON object"),
        (b'"\xff"', "object"),
        (b"[" * 100_000, "object"),
        (b"[]", "object"),
        ({}, "message"),
        ({"message": "  "}, "message"),
        ({"message": 7}, "message"),
        ({**ASKED, "thread": "thread-7"}, "unknown field"),
        ({**ASKED, "thread_id": ""}, "thread_id may not be blank"),
        ({**ASKED, "thread_id": "placeholder"}, "thread_id may not be a placeholder"),
        ({**ASKED, "thread_id": "a/b"}, "thread_id may not contain"),
        ({**ASKED, "request_id": "x" * 300}, "request_id may not be longer"),
        ({**ASKED, "request_id": "a\u0000b"}, "request_id may not contain"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_and_says_why(body: Any, about: str, make_site: Any) -> None:
    async with make_site(max_message_bytes=200_000) as site:
        answer = await site.post(RUN, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert about in answer.json()["message"]
        assert site.execution.asked == []


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_long_is_refused_however_it_is_sent(declared: bool, make_site: Any) -> None:
    async with make_site(max_message_bytes=1024) as site:
        body = json.dumps({"message": "x" * 2000}).encode()

        async def pieces() -> AsyncGenerator[bytes, None]:
            for start in range(0, len(body), 100):
                yield body[start : start + 100]

        headers = {"Authorization": "Bearer none"}
        if declared:
            answer = await site.post(RUN, body)
        else:
            answer = await site._client.post(RUN, content=pieces(), headers={**headers, "Authorization": token_of(site)})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def token_of(site: Any) -> str:
    from netra_backend.app.services.tokens import mint

    return f"Bearer {mint(site.settings, 'acme', 'ann')}"


async def test_who_asks_too_often_is_told_when_to_ask_again(make_site: Any) -> None:
    async with make_site({"monotonic": lambda: 100.0}, rate_limit_per_minute=60, rate_limit_burst=2) as site:
        answers = [await site.post(RUN, ASKED) for _ in range(3)]
        other = await site.post(RUN, ASKED, user="bob")
    assert [answer.status_code for answer in (*answers, other)] == [200, 200, 429, 200]
    assert (answers[2].json()["code"], answers[2].headers["retry-after"]) == ("rate_limited", "1")


@pytest.mark.parametrize("accept", [None, "text/event-stream"])
async def test_a_client_that_goes_away_stops_the_run(accept: str | None, site: Any, frame_of: Any, ask_by_hand: Any) -> None:
    running = asyncio.Event()

    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        yield frame_of("agent_started")
        running.set()
        await asyncio.Event().wait()

    site.execution.script = script
    asked = ask_by_hand(site, RUN, ASKED, **({} if accept is None else {"accept": accept}))
    serving = asyncio.create_task(asked.serve())
    await running.wait()
    asked.leave()
    await serving
    assert (site.execution.under_way, site.execution.closed) == (0, 1)


@pytest.mark.parametrize(("path", "asked"), [(RUN, ASKED), ("/api/batch", {"items": [ASKED]})])
async def test_a_client_that_is_lost_before_the_first_event_leaves_nothing_behind(
    path: str, asked: Any, *, site: Any, frame_of: Any, ask_by_hand: Any
) -> None:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        yield frame_of("agent_started")
        await asyncio.Event().wait()

    site.execution.script = script
    lost = ask_by_hand(site, path, asked, accept="text/event-stream")
    lost.broken = True
    await lost.serve()
    assert (site.execution.under_way, len(site.app.state.gateway.batches)) == (0, 0)


async def test_the_log_keeps_the_support_code_and_nothing_that_was_written(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    site.execution.script = raising(RuntimeError("secret of ann"))
    with caplog.at_level(logging.INFO, logger="netra_backend"):
        code = (await site.post(RUN, {"message": "my secret"})).json()["support_code"]
    assert code in {record.__dict__.get("support_code") for record in caplog.records}
    assert "secret" not in caplog.text


async def test_an_unknown_path_and_a_wrong_method_are_told_in_the_same_shape(site: Any) -> None:
    nowhere, wrong = await site.post("/api/nowhere"), await site._client.get(RUN)
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method_not_allowed", "POST")
