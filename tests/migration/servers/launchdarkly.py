"""A server on loopback that speaks LaunchDarkly's protocols to the real SDK and to the editor: streaming, polling, events, REST.

Its faults are switched by a test while it runs, and it can be stopped and come back on the same port.
"""

import contextlib
import json
import queue
import ssl
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.migration.servers.launchdarkly_rest import Json, PatchError, patched, represent, restore

SDK_KEY = "sdk-11111111-2222-4333-8444-555555555555"
API_TOKEN = "api-11111111-2222-4333-8444-666666666666"
PROXY_PAGE = b"<html><head><title>Sign in</title></head><body>Corporate proxy: please sign in</body></html>"


@dataclass
class Faults:
    """What is wrong now; the defaults: nothing."""

    slow_s: float = 0.0  #: seconds before any answer
    html: bool = False  #: a proxy answers everything, with status 200
    garbage: bool = False  #: bodies are not JSON
    lie: Any = None  #: what the first message of a stream says in place of the flags
    half: bool = False  #: the connection ends in the middle of a body
    deny: bool = False  #: every key is refused
    stream: list[int] = field(default_factory=list)  #: statuses of the next connections to the stream, or polls
    stream_always: int = 0  #: status of every connection to the stream, or poll; 0: it is served
    events: list[int] = field(default_factory=list)  #: statuses of the next deliveries of events
    rest: list[tuple[int, Json, dict[str, str]]] = field(default_factory=list)  #: status, body and headers of the next calls of the API
    approval: bool = False  #: the environment requires approval
    unframed: bool = False  #: the stream's body ends with the connection, as a HTTP/1.0 proxy makes it
    silent: bool = False  #: patches are not announced on the stream


class LaunchDarkly:
    """One environment of one project: flags and segments as SDKs get them.

    Args:
        tls: what it speaks TLS with; None: plain HTTP.
    """

    def __init__(self, flags: dict[str, Json] | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.flags: dict[str, Json] = flags or {}
        self.segments: dict[str, Json] = {}
        self.project, self.environment = "default", "production"
        self.faults = Faults()
        self.archived: set[str] = set()  #: keys of archived flags; the API shows them, and SDKs do not get them
        self.statuses: dict[str, str] = {}  #: environment -> the status of every flag there
        self.events: list[Json] = []
        self.diagnostics: list[Json] = []
        self.requests: list[tuple[str, str]] = []  #: method and path
        self.patches: list[tuple[str, Any, str | None]] = []  #: content type, body and comment of each edit taken
        self.lock = threading.RLock()
        self.port = 0
        self._tls = tls
        self._streams: list[queue.SimpleQueue[bytes | None]] = []
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Listen, on the same port as before."""
        self._server = _Server(("127.0.0.1", self.port), self, self._tls)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="launchdarkly", daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None:
            return
        server, self._server = self._server, None
        with self.lock:
            for stream in self._streams:
                stream.put(None)
        server.shutdown()
        server.server_close()
        server.cut()

    def cut(self) -> None:
        """Cut every connection; new ones are taken."""
        assert self._server is not None
        self._server.cut()

    @property
    def streams(self) -> int:
        """How many clients are streaming now."""
        with self.lock:
            return len(self._streams)

    def put_flag(self, flag: Json, *, announce: bool = True) -> None:
        """Take a flag, and send it to all streams."""
        with self.lock:
            self.flags[flag["key"]] = flag
            if announce and not self.faults.silent:
                self.send("patch", {"path": f"/flags/{flag['key']}", "data": flag})

    def delete_flag(self, key: str) -> None:
        with self.lock:
            gone = self.flags.pop(key)
            self.send("delete", {"path": f"/flags/{key}", "version": gone["version"] + 1})

    def put_all(self) -> None:
        """Send everything anew, as after a reconnect."""
        self.send("put", {"path": "/", "data": self.payload()})

    def send(self, event: str, data: Any) -> None:
        """Send an event to all streams; text is sent as it is."""
        text = data if isinstance(data, str) else json.dumps(data)
        with self.lock:
            for stream in self._streams:
                stream.put(f"event: {event}\ndata: {text}\n\n".encode())

    def payload(self) -> Json:
        with self.lock:
            flags = {key: flag for key, flag in self.flags.items() if key not in self.archived}
            return {"flags": flags, "segments": dict(self.segments)}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], launchdarkly: LaunchDarkly, tls: ssl.SSLContext | None) -> None:
        super().__init__(address, _Handler)
        self.launchdarkly, self._tls = launchdarkly, tls
        self._open: set[Any] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the thread of the connection: a handshake must not hold up the others.
        with contextlib.suppress(OSError):
            if self._tls is not None:
                request = self._tls.wrap_socket(request, server_side=True)
            self._open.add(request)
            try:
                super().finish_request(request, client_address)
            finally:
                self._open.discard(request)
                request.close()

    def cut(self) -> None:
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(2)

    def handle_error(self, request: Any, client_address: Any) -> None: ...


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the base names it so

    @property
    def it(self) -> LaunchDarkly:
        return self.server.launchdarkly

    def do_GET(self) -> None:
        if self._answered():
            return
        flags = self.it.payload()["flags"]
        path = self.path.partition("?")[0]
        match path.split("/")[1:]:
            case ["all"]:
                self._stream()
            case ["sdk", "latest-all"]:
                self._json(self.it.payload())
            case ["sdk", "flags", key] if key in flags:
                self._json(flags[key])
            case ["api", "v2", "flags", project, key] if project == self.it.project and key in self.it.flags:
                self._json(represent(self.it.flags[key], self.it.environment) | {"archived": key in self.it.archived})
            case ["api", "v2", "flag-status", project, key] if project == self.it.project and key in self.it.flags:
                self._json({"key": key, "environments": {name: {"name": status} for name, status in self.it.statuses.items()}})
            case _:
                self._json({"code": "not_found", "message": "Unknown resource"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.it.faults.events:
            self._json({}, self.it.faults.events.pop(0))
        elif not self._answered():
            with self.it.lock:
                events = json.loads(body)
                self.it.events.extend(events) if self.path == "/bulk" else self.it.diagnostics.append(events)
            self._json({}, 202)

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self._answered():
            return
        *_, project, key = self.path.partition("?")[0].split("/")
        with self.it.lock:
            flag = self.it.flags.get(key)
            if project != self.it.project or flag is None:
                self._json({"code": "not_found", "message": "Unknown resource"}, 404)
                return
            try:
                if self.it.faults.approval:
                    message = "Flag configuration updates require approval: action 'updateFallthrough' not allowed"
                    raise PatchError(405, "method_not_allowed", message)  # noqa: TRY301 - answered below, as every other
                shown = represent(flag, self.it.environment)
                after, comment = patched(shown, body, self.headers.get("Content-Type", ""), self.it.environment)
            except PatchError as error:
                self._json({"code": error.code, "message": str(error), "id": "1"}, error.status)
                return
            if after.pop("archived", False):
                self.it.archived.add(key)
                self.it.send("delete", {"path": f"/flags/{key}", "version": flag["version"] + 1})
            elif after != shown:
                self.it.put_flag(restore(after, flag, self.it.environment))
            self.it.patches.append((self.headers.get("Content-Type", ""), body, comment))
            self._json(represent(self.it.flags[key], self.it.environment))

    def _answered(self) -> bool:
        """Answer for a fault or a wrong key; return whether that was done."""
        faults, api = self.it.faults, self.path.startswith("/api/")
        self.it.requests.append((self.command, self.path))
        time.sleep(faults.slow_s)
        if faults.html:
            self._send(200, PROXY_PAGE, {"Content-Type": "text/html; charset=utf-8"})
        elif faults.deny or self.headers.get("Authorization") != (API_TOKEN if api else SDK_KEY):
            self._json({"code": "unauthorized", "message": "invalid SDK key" if not api else "Invalid access token"}, 401)
        elif api and faults.rest:
            status, body, headers = faults.rest.pop(0)
            self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | headers)
        elif self.path in {"/all", "/sdk/latest-all"} and (faults.stream or faults.stream_always):
            self._json({}, faults.stream.pop(0) if faults.stream else faults.stream_always)
        else:
            return False
        return True

    def _stream(self) -> None:
        waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header(*(("Connection", "close") if self.it.faults.unframed else ("Transfer-Encoding", "chunked")))
        self.end_headers()
        with self.it.lock:
            text = "{not json" if self.it.faults.garbage else json.dumps(self.it.faults.lie or {"path": "/", "data": self.it.payload()})
            first = f"event: put\ndata: {text}\n\n".encode()
            self.it._streams.append(waiting)
        try:
            self._chunk(first[: len(first) // 2] if self.it.faults.half else first)
            while not self.it.faults.half:
                try:
                    data = waiting.get(timeout=0.2)
                except queue.Empty:
                    data = b":\n"
                if data is None:
                    break
                self._chunk(data)
        finally:
            with self.it.lock:
                self.it._streams.remove(waiting)
            self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(data if self.it.faults.unframed else b"%x\r\n%b\r\n" % (len(data), data))

    def _json(self, body: Any, status: int = 200) -> None:
        data = b"{not json" if self.it.faults.garbage and status == 200 else json.dumps(body).encode()
        tag = f'"{hash(data)}"'
        if status == 200 and self.command == "GET" and self.headers.get("If-None-Match") == tag:
            self._send(304, b"", {"ETag": tag})
        else:
            self._send(status, data, {"Content-Type": "application/json", "ETag": tag})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in ({"Date": formatdate(usegmt=True), "Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.it.faults.half and status == 200:
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        else:
            self.wfile.write(data)
