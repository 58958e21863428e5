"""`POST /api/batch`: items run a few at once, each ends once and by itself, and nothing is left behind."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from netra_backend.app.api.gateway import BatchLimits
from netra_backend.app.errors import UserLimitExceededError

BATCH = "/api/batch"


def prompts(number: int) -> dict[str, Any]:
    return {"items": [{"message": f"question {index}", "id": f"q-{index}"} for index in range(number)]}


def finished(events: list[tuple[str, Any]]) -> dict[int, Any]:
    ended = [data for kind, data in events if kind == "item_finished"]
    by_index = {data["index"]: data for data in ended}
    assert len(by_index) == len(ended), "an item ended twice"
    return by_index


async def test_each_item_is_a_run_whose_events_and_result_are_told(site: Any, events_of: Any) -> None:
    body = {"agent": "data", "items": [{"message": "What did we spend?", "id": "may", "thread_id": "thread-7"}]}
    events = events_of((await site.post(BATCH, body)).text)
    [(surface, context, payload)] = site.execution.asked
    ids = {"index": 0, "id": "may", "run_id": context.run_id, "thread_id": "thread-7"}
    assert (surface, payload) == ("batch", {"agent": "data", "message": "What did we spend?", "history": []})
    assert [kind for kind, _ in events] == ["batch_started", "item_started", "item_event", "item_finished", "batch_finished"]
    assert events[1][1] == ids
    assert (events[2][1]["index"], events[2][1]["event"]["type"]) == (0, "agent_started")
    assert events[3][1] == {
        **ids, "result": {"asked": payload, "for": "ann"}, "status": "completed", "done": 1, "items": 1
    }  # fmt: skip
    assert {key: events[4][1][key] for key in ("items", "completed", "failed", "timed_out", "refused")} == {
        "items": 1, "completed": 1, "failed": 0, "timed_out": 0, "refused": 0
    }  # fmt: skip


MALFORMED = [
    "no object",
    {},
    {"message": ""},
    {"message": "hello", "colour": "red"},
    {"message": "hello", "agent": "poet"},
    {"message": "hello", "thread_id": "placeholder"},
    {"message": "hello", "id": "a/b"},
    {"message": "hello", "thread_id": "thread-of-bob"},
]


async def test_malformed_items_fail_one_by_one(site: Any, events_of: Any) -> None:
    await site.post(BATCH, {"items": [{"message": "mine", "thread_id": "thread-of-bob"}]}, user="bob")
    good = {"message": "hello"}
    answer = await site.post(BATCH, {"items": [good, *MALFORMED, good]})
    ended = finished(events_of(answer.text))
    assert [ended[index]["status"] for index in sorted(ended)] == ["completed", *["refused"] * len(MALFORMED), "completed"]
    assert [ended[index]["problem"]["code"] for index in range(1, len(MALFORMED) + 1)] == [
        *["invalid_request"] * 4, "unknown_agent", "invalid_request", "invalid_request", "foreign_thread"
    ]  # fmt: skip
    assert {data["done"] for data in ended.values()} == set(range(1, len(MALFORMED) + 3))


async def test_a_failing_item_does_not_stop_the_others(site: Any, events_of: Any, frame_of: Any) -> None:
    async def script(_context: Any, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        yield frame_of("agent_started")
        if payload["message"] == "question 1":
            raise RuntimeError("secret of ann")
        yield frame_of("run_result", status="failed" if payload["message"] == "question 2" else "completed", result={})

    site.execution.script = script
    answer = await site.post(BATCH, prompts(4))
    ended = finished(events_of(answer.text))
    assert [ended[index]["status"] for index in range(4)] == ["completed", "failed", "failed", "completed"]
    assert (ended[1]["problem"]["code"], "problem" in ended[2]) == ("internal", False)
    assert "secret" not in answer.text


async def test_an_item_that_finds_no_engine_says_when_to_try_again(site: Any, events_of: Any) -> None:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        raise UserLimitExceededError(2, 2)
        yield b""

    site.execution.script = script
    [ended] = finished(events_of((await site.post(BATCH, prompts(1))).text)).values()
    assert (ended["status"], ended["problem"]["code"], ended["problem"]["retry_after_s"]) == ("failed", "busy", 1.0)


async def test_an_item_without_a_result_failed(site: Any, events_of: Any, frame_of: Any) -> None:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        yield frame_of("agent_started")

    site.execution.script = script
    [ended] = finished(events_of((await site.post(BATCH, prompts(1))).text)).values()
    assert (ended["status"], ended["problem"]["code"]) == ("failed", "internal")


async def test_an_item_that_hangs_is_stopped_and_the_others_go_on(make_site: Any, events_of: Any, frame_of: Any) -> None:
    async def script(_context: Any, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        yield frame_of("agent_started")
        if payload["message"] == "question 0":
            await asyncio.Event().wait()
        yield frame_of("run_result", status="completed", result={})

    async with make_site({"batch_limits": BatchLimits(item_s=0.05)}) as site:
        site.execution.script = script
        ended = finished(events_of((await site.post(BATCH, prompts(2))).text))
        assert (ended[0]["status"], ended[0]["problem"]["code"], ended[1]["status"]) == ("timed_out", "timed_out", "completed")
        assert site.execution.under_way == 0


@pytest.mark.parametrize(("engines", "at_once"), [(1, 1), (2, 1), (4, 3)])
async def test_a_batch_leaves_one_of_the_users_engines_free(
    engines: int, at_once: int, make_site: Any, events_of: Any, frame_of: Any
) -> None:
    async with make_site(engines_per_user=engines) as site:
        barrier = asyncio.Barrier(at_once)

        async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
            await barrier.wait()
            yield frame_of("run_result", status="completed", result={})

        site.execution.script = script
        events = events_of((await site.post(BATCH, prompts(at_once * 3))).text)
        assert (events[0][1]["at_once"], site.execution.most_under_way) == (at_once, at_once)
        assert Counter(data["status"] for data in finished(events).values()) == {"completed": at_once * 3}


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (b"{", "one JSON object"),
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": "many"}, "items"),
        ({"items": [{"message": "hello"}], "agent": "poet"}, "unknown agent"),
        ({"items": [{"message": "hello"}], "colour": "red"}, "unknown field"),
        (prompts(101), "100 items"),
    ],
)
async def test_a_batch_that_cannot_be_read_is_refused_as_a_whole(body: Any, about: str, site: Any) -> None:
    answer = await site.post(BATCH, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert about in answer.json()["message"]
    assert site.execution.asked == []


async def test_a_batch_that_is_too_long_is_refused(make_site: Any) -> None:
    async with make_site(max_message_bytes=1024) as site:
        assert (await site.post(BATCH, {"items": [{"message": "x" * 17_000}]})).status_code == 413


async def test_a_second_batch_of_a_user_waits_for_the_first(site: Any, frame_of: Any, ask_by_hand: Any) -> None:
    running = asyncio.Event()

    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        yield frame_of("agent_started")
        running.set()
        await asyncio.Event().wait()

    site.execution.script = script
    first = ask_by_hand(site, BATCH, prompts(1))
    serving = asyncio.create_task(first.serve())
    await running.wait()
    second = await site.post(BATCH, prompts(1))
    assert (second.status_code, second.json()["code"], second.headers["retry-after"]) == (429, "busy", "5")
    first.leave()
    await serving
    assert (site.execution.under_way, len(site.app.state.gateway.batches)) == (0, 0)


async def test_a_client_that_leaves_before_the_first_event_gives_its_place_back(site: Any, ask_by_hand: Any) -> None:
    asked = ask_by_hand(site, BATCH, prompts(1))
    asked.leave()
    await asked.serve()
    assert (site.execution.under_way, len(site.app.state.gateway.batches)) == (0, 0)


async def test_a_batch_counts_once_against_the_rate(make_site: Any) -> None:
    async with make_site({"monotonic": lambda: 100.0}, rate_limit_burst=1) as site:
        assert (await site.post(BATCH, prompts(5))).status_code == 200
        assert (await site.post(BATCH, prompts(1))).json()["code"] == "rate_limited"


async def test_a_client_that_reads_slowly_slows_the_batch_and_loses_nothing(site: Any, events_of: Any, frame_of: Any) -> None:
    async def script(_context: Any, _payload: Any) -> AsyncGenerator[bytes, None]:
        for _ in range(1000):
            yield frame_of("agent_thinking")
        yield frame_of("run_result", status="completed", result={})

    site.execution.script = script
    events = events_of((await site.post(BATCH, prompts(1))).text)
    assert Counter(kind for kind, _ in events)["item_event"] == 1000


async def test_the_body_is_server_sent_events_and_nothing_may_be_kept(site: Any) -> None:
    answer = await site.post(BATCH, json.dumps(prompts(1)).encode())
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
