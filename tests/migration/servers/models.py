"""An endpoint on loopback that answers as OpenAI's and Anthropic's do, by script: what is asked decides what is answered.

In the last question, "fail" is refused with 429, "slow down" is refused once and then answered, "break" ends a stream with an error, "cut"
drops the connection within it. With tools, "both" calls two at once, any other question one; once their results are there, it answers.
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
WORDS = ("It ", "is ", "warm.")
Body = dict[str, Any]


class RefusedError(Exception):
    def __init__(self, status: int, kind: str) -> None:
        self.status, self.kind = status, kind


class ModelEndpoint:
    """One server.

    Attributes:
        asked: path and body of each request.
        pace: called before each event of a stream but the first; None: events follow at once.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Body]] = []
        self.pace: Callable[[], object] | None = None
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)

    def answer(self, path: str, body: Body) -> Body | Iterator[Body | str]:
        """Return the answer: a body, or the events of a stream; a text among them is sent as it is, an empty one drops the connection."""
        self.asked.append((path, body))
        question = json.dumps(body["input"] if "input" in body else [m for m in body["messages"] if m["role"] == "user"][-1:])
        if "fail" in question or ("slow down" in question and len(self.asked) == 1):
            raise RefusedError(429, "rate_limit_error")
        make = {"completions": _chat, "responses": _responses, "messages": _messages}[path.partition("?")[0].rpartition("/")[2]]
        whole, events = make(body, question)
        if body.get("stream") is not True:
            return whole
        return _ending(events, question)


def _ending(events: list[Body | str], question: str) -> Iterator[Body | str]:
    if "break" in question:
        yield from events[:3]
        yield 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    elif "cut" in question:
        yield from events[:3]
        yield ""
    else:
        yield from events


def _calls(body: Body, question: str) -> list[tuple[str, str]]:
    """Return the tools to call, with arguments as JSON."""
    said = json.dumps(body.get("input", body.get("messages")))
    if not body.get("tools") or "tool_call_id" in said or "function_call_output" in said or "tool_result" in said:
        return []
    first = body["tools"][0]
    name = first.get("name") or first["function"]["name"]
    cities = ("Rome", "Oslo") if "both" in question else ("Rome",)
    return [(name, json.dumps({"city": city})) for city in cities]


def _chat(body: Body, question: str) -> tuple[Body, list[Body | str]]:
    calls = [
        {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for place, (name, arguments) in enumerate(_calls(body, question))
    ]
    base = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
    reason = "tool_calls" if calls else "stop"
    message = {"role": "assistant", "content": None if calls else "".join(WORDS)} | ({"tool_calls": calls} if calls else {})
    whole = base | {"object": "chat.completion", "usage": USAGE, "choices": [{"index": 0, "finish_reason": reason, "message": message}]}
    deltas: list[Body] = [{"role": "assistant", "content": None if calls else ""}]
    deltas += [{"content": word} for word in WORDS] if not calls else []
    for place, call in enumerate(calls):
        deltas.append({"tool_calls": [{"index": place} | call | {"function": call["function"] | {"arguments": ""}}]})
        deltas.append({"tool_calls": [{"index": place, "function": {"arguments": call["function"]["arguments"]}}]})
    chunk = base | {"object": "chat.completion.chunk"}
    events: list[Body | str] = [chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append(chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append(chunk | {"choices": [], "usage": USAGE})
    return whole, [*events, "data: [DONE]\n\n"]


def _responses(body: Body, question: str) -> tuple[Body, list[Body | str]]:
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    calls = _calls(body, question)
    items: list[Body] = [
        {"type": "function_call", "id": f"fc_{n}", "call_id": f"call_{n}", "name": name, "arguments": arguments, "status": "completed"}
        for n, (name, arguments) in enumerate(calls)
    ]
    text = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
    if not calls:
        items = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}]
    whole: Body = {"id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "status": "completed", "output": items}
    whole |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage}
    events: list[Body] = [{"type": "response.created", "response": whole | {"status": "in_progress", "output": []}}]
    for place, item in enumerate(items):
        at = {"output_index": place, "item_id": item["id"]}
        events.append({"type": "response.output_item.added", "output_index": place, "item": item | _begun(item)})
        if calls:
            events.append({"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]})
            events.append({"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"], "name": item["name"]})
        else:
            at["content_index"] = 0
            events.append({"type": "response.content_part.added", **at, "part": text | {"text": ""}})
            events += [{"type": "response.output_text.delta", **at, "delta": word, "logprobs": []} for word in WORDS]
            events.append({"type": "response.output_text.done", **at, "text": text["text"], "logprobs": []})
            events.append({"type": "response.content_part.done", **at, "part": text})
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    events.append({"type": "response.completed", "response": whole})
    return whole, [event | {"sequence_number": number} for number, event in enumerate(events)]


def _begun(item: Body) -> Body:
    return {"status": "in_progress"} | ({"arguments": ""} if item["type"] == "function_call" else {"content": []})


def _messages(body: Body, question: str) -> tuple[Body, list[Body | str]]:
    calls = _calls(body, question)
    blocks: list[Body] = [
        {"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": json.loads(arguments)} for n, (name, arguments) in enumerate(calls)
    ] or [{"type": "text", "text": "".join(WORDS)}]
    whole: Body = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": blocks}
    whole |= {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 3}}
    start = whole | {"content": [], "stop_reason": None}
    events: list[Body] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for place, block in enumerate(blocks):
        empty = {"input": {}} if calls else {"text": ""}
        events.append({"type": "content_block_start", "index": place, "content_block": block | empty})
        deltas = (
            [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
            if calls
            else [{"type": "text_delta", "text": word} for word in WORDS]
        )
        events += [{"type": "content_block_delta", "index": place, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": place})
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 3}})
    return whole, [*events, {"type": "message_stop"}]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, endpoint: ModelEndpoint) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = endpoint


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            answer = self.server.endpoint.answer(self.path, body)
        except RefusedError as refused:
            error = {"type": refused.kind, "message": "Too many requests", "code": "rate_limit_exceeded", "param": None}
            self._whole(refused.status, {"type": "error", "error": error})
        else:
            if isinstance(answer, dict):
                self._whole(200, answer)
            else:
                self._events(answer)

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"x-request-id": "req_1", "request-id": "req_1", "set-cookie": "secret=1", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _whole(self, status: int, answer: Body) -> None:
        told = json.dumps(answer).encode()
        self._head(status, content_type="application/json", content_length=str(len(told)), retry_after_ms="5")
        self.wfile.write(told)

    def _events(self, events: Iterator[Body | str]) -> None:
        self._head(200, content_type="text/event-stream", transfer_encoding="chunked")
        for place, event in enumerate(events):
            if place and self.server.endpoint.pace is not None:
                self.server.endpoint.pace()
            if not event:
                self.close_connection = True
                return
            named = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
            told = (event if isinstance(event, str) else f"{named}data: {json.dumps(event)}\n\n").encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(told), told))
        self.wfile.write(b"0\r\n\r\n")
