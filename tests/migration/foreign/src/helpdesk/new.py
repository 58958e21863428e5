"""The engine that comes: a plain function in a thread that calls back. Its payload may name a fault that it then has."""

import asyncio
import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from helpdesk.outside import OutOfPaperError, complete, look_up, notify
from migration import RunRequest
from migration.effects import lane, uuid4


class Desk:
    """One ticket."""

    def __init__(self, request: RunRequest, emit: Any) -> None:
        self.asked, self.emit, self.fault = request.body, emit, request.body.get("fault")

    def work(self) -> None:
        """Emit the events of the ticket."""
        started, ticket = time.monotonic(), str(uuid4("ticket"))
        self.emit({"event": "ticket.opened", "ticket": "another" if self.fault == "ticket is not kept" else ticket})
        if self.fault == "crashes":
            raise LookupError(ticket)
        if self.fault == "forgets a port":
            self.reach()
        if self.fault == "an event too many":
            self.emit({"event": "ticket.seen"})
        self.search()
        words = asyncio.run(self.answer())
        closed = {"event": "ticket.closed", "ticket": ticket, "how": self.tell(), "answer": " ".join(words)}
        took_s: Any = time.monotonic() - started
        if self.fault == "a number becomes text":
            took_s = str(took_s)
        if self.fault == "a field is lost":
            del closed["answer"]
        self.emit(closed | {"took_s": took_s})

    def reach(self) -> None:
        """Ask the outside behind the migration's back, and go on without an answer."""
        with contextlib.suppress(Exception), socket.socket() as reaching:
            reaching.connect(("127.0.0.1", 9))

    def search(self) -> None:
        """Look everything up at once."""
        topics = self.asked["topics"]
        self.say("search", "branch.opened")
        for topic in topics:
            self.say("search", "lookup.wanted" if self.fault == "another event" else "lookup.asked", topic=topic)
        with lane("search"), ThreadPoolExecutor(8) as pool:
            found = list(pool.map(look_up, reversed(topics) if self.fault == "another order of calls" else topics))
        if self.fault == "a lookup too many":
            with lane("search"):
                look_up(topics[0])
        if self.fault == "another argument":
            with lane("search"):
                look_up("something else")
        for topic, one in zip(topics, found, strict=True):
            if self.fault != "a lookup is not answered" or topic != topics[0]:
                self.say("search", "lookup.answered", topic=topic, **(one | {"hits": 0} if self.fault == "a wrong number" else one))
        self.say("search", "branch.closed")

    async def answer(self) -> list[str]:
        """Stream the model's answer."""
        self.say("answer", "branch.opened")
        words: list[str] = []
        role = "system" if self.fault == "asks otherwise" else "user"
        async for piece in complete([{"role": role, "content": self.asked["text"]}]):
            if self.fault == "a word is lost" and len(words) == 1:
                words.append("")
                continue
            words.append(piece["delta"])
            self.say("answer", "token", text=piece["delta"].upper() if self.fault == "shouts" else piece["delta"])
            if self.fault == "stops early" and len(words) == 2:
                break
        if self.fault == "says it twice":
            self.say("answer", "branch.closed")
        self.say("answer", "branch.closed")
        return words

    def tell(self) -> str:
        """Tell the colleague."""
        try:
            for _ in range(2 if self.fault == "tells twice" else 0 if self.fault == "tells nobody" else 1):
                asyncio.run(notify(self.asked["colleague"], self.asked["text"]))
        except OutOfPaperError:
            return "answered" if self.fault == "hides a failure" else "given up"
        return "given up" if self.fault == "gives up" else "answered"

    def say(self, branch: str, event: str, **more: object) -> None:
        """Emit an event of a branch."""
        self.emit({"event": event, "branch": branch, **more})


def answer(request: RunRequest, emit: Any) -> None:
    """Answer a ticket."""
    Desk(request, emit).work()
