"""Engines that follow a program, a world that counts what is really done, and a client that checks what it gets."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import get_args

import msgspec
from prometheus_client import CollectorRegistry

from migration.comparison import parse_policy
from migration.effects import perform, perform_stream
from migration.facade import ExecutionFacade
from migration.failover import Failover
from migration.flags.decision import Decision
from migration.model import Event, FailoverResult, Origin, RunRequest, Stage
from migration.stages import PLANS
from migration.telemetry import Metrics

POLICY = parse_policy(
    """
surface = "support"
version = 1

[envelope]
texts = ["type", "user"]
ints = ["n"]
body = "body"

[envelope.identity]
user_id = "user"

[refusals]
refused = ["NotForYouError"]

[contract]
once = ["begun", "done"]
first = "begun"
last = "done"
closes = [{ first = "calling", then = "called" }]
rising = [{ kind = "thought", field = "body.step" }]

[tools]
read_only = ["look"]
irreversible = ["pay"]

[[endings]]
outcome = "failed"
last = { kind = "done", field = "body.status", equals = "failed" }

[failover]
answers = ["done", "part"]
inward = ["chooser"]
ends = ["done"]
failures = [{ kind = "sorry" }]
numbered = "n"
""",
    "support.toml",
)


class NotForYouError(Exception):
    pass


class FatalError(BaseException):
    pass


@dataclass(frozen=True)
class Say:
    """An event."""

    kind: str
    lane: str = "helper"
    step: int | None = None
    status: str | None = None
    user: str = "ann"


@dataclass(frozen=True)
class Ask:
    """An effect."""

    name: str
    kind: str = "tool"
    request: str = "1"
    lane: str = "helper"


@dataclass(frozen=True)
class Pieces:
    """A streamed effect, read to its end or (`most`) not."""

    name: str = "m"
    request: str = "s"
    most: int = 99


Step = Say | Ask | Pieces


@dataclass
class Outside:
    """The world: counts what was really done, by content."""

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: set[str] = field(default_factory=set)  #: names that fail
    hang: set[str] = field(default_factory=set)  #: names whose call never answers, once
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, name: str, request: str) -> bytes:
        self.done[name, request] += 1
        if name in self.broken:
            raise LookupError(name)
        if name in self.hang:
            self.hang.discard(name)
            self.begun.set()
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)
        return msgspec.json.encode(f"{name} says {request}")


class Engine:
    """Follows its program, and fails before step `at`.

    Args:
        outside: where effects are performed.
        program: its steps.
        at: the step; None: it does not fail. The number of steps: after the last one.
        how: the exception; "stop": the stream just ends; "hang": the step's effect is unfinished when a time limit of the engine ends it.
    """

    def __init__(self, outside: Outside, program: Sequence[Step], at: int | None = None, how: BaseException | str = "stop") -> None:
        self.outside, self.program, self.at, self.how = outside, program, at, how
        self.heard: list[bytes] = []
        self.runs = 0

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        self.runs += 1
        number = 0
        for index in range(len(self.program) + 1):
            if index == self.at:
                if self.how == "hang":
                    await self.hang(index)
                if self.how == "stop":
                    return
                raise self.how
            if index == len(self.program):
                return
            step = self.program[index]
            if isinstance(step, Say):
                number += 1
                yield self.event(step, number)
            else:
                await self.ask(step)

    async def ask(self, step: Step) -> None:
        if isinstance(step, Pieces):
            await self.read(step)
        elif isinstance(step, Ask):
            request = msgspec.json.encode({"q": step.request})
            call = lambda: self.outside.call(step.name, step.request)  # noqa: E731 - short
            self.heard.append(await perform(step.kind, step.name, lane=step.lane, request=request, call=call))

    async def hang(self, index: int) -> None:
        """Time out while the step's effect is unfinished."""
        step = self.program[index] if index < len(self.program) else None
        if isinstance(step, Ask):
            self.outside.hang.add(step.name)
            working = asyncio.create_task(self.ask(step))
            begun = asyncio.create_task(self.outside.begun.wait())
            await asyncio.wait({begun, working}, return_when=asyncio.FIRST_COMPLETED)
            self.outside.begun.clear()
            working.cancel()
            begun.cancel()
            with suppress(asyncio.CancelledError):
                await working
        raise TimeoutError

    async def read(self, step: Pieces) -> None:
        async def source() -> AsyncGenerator[bytes, None]:
            self.outside.done[step.name, step.request] += 1
            for piece in range(3):
                yield b"%d" % piece

        read = 0
        async with aclosing(perform_stream("model", step.name, lane="helper", request=b'{"stream":true}', call=source)) as pieces:
            async for piece in pieces:
                self.heard.append(piece)
                read += 1
                if read >= step.most:
                    break

    @staticmethod
    def event(step: Say, number: int) -> Event:
        body = {name: value for name, value in (("step", step.step), ("status", step.status)) if value is not None}
        frame = {"type": step.kind, "user": step.user, "n": number, "body": body}
        return Event(kind=step.kind, lane=step.lane, payload=msgspec.json.encode(frame), at_s=float(number))


class Flags:
    def __init__(self, stage: Stage = Stage.LIVE, *, fails_over: bool = True) -> None:
        self.decision = Decision(plan=PLANS[stage], reason="flag", flag_key="f", sampled=True, fails_over=fails_over)
        self.ended: list[str] = []

    def decide(self, _request):
        return self.decision

    def finished(self, _request, _decision, outcome, _duration_s, /):
        self.ended.append(outcome)

    def compared(self, run_id, comparison, /): ...


class Kept:
    """Takes what the facade gives to the shadow, the stores and the tombstones."""

    def __init__(self) -> None:
        self.offers, self.written, self.ran = [], [], []

    def offer(self, job, /, *, shed=None):
        self.offers.append((job, shed))

    async def write(self, record, _decision, /):
        self.written.append(record)

    def count(self, _surface, plan, /):
        self.ran.append((plan.serves, plan.shadows))


class Served:
    """A facade with both engines and fakes around it.

    Args:
        candidate: fails or not.
        control: resumes.
        flags: None: `live`, failing over.
    """

    def __init__(self, candidate: Engine, control: Engine, flags: Flags | None = None) -> None:
        self.flags, self.kept = flags or Flags(), Kept()
        self.metrics = Metrics(registry=CollectorRegistry())
        failover = Failover(POLICY, control, build=lambda: "1.2", metrics=self.metrics)
        self.facade = ExecutionFacade(
            surface="support",
            engines={Origin.CANDIDATE: candidate, Origin.CONTROL: control},
            flags=self.flags,
            shadow=self.kept,
            metrics=self.metrics,
            writer=self.kept,
            tombstones=self.kept,
            failover=failover,
        )
        self.got: list[Event] = []

    async def run(self, most: int | None = None) -> BaseException | None:
        """Be the client; return what the stream raised."""
        try:
            async with aclosing(self.facade.run(make_request())) as events:
                async for event in events:
                    self.got.append(event)
                    if len(self.got) == most:
                        break
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            return error
        return None

    @property
    def results(self) -> list[str]:
        """What the metrics count of this run."""
        found = {result: self.metrics.failovers.labels("support", result)._value.get() for result in get_args(FailoverResult)}
        return [result for result, times in found.items() for _ in range(int(times))]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.got]


def make_request() -> RunRequest:
    return RunRequest(surface="support", tenant_id="acme", user_id="ann", thread_id="t", run_id="r-1", payload=b"{}", received_at=0.0)


def faults_of(got: Sequence[Event]) -> list[str]:
    """Return what is wrong with a stream that a client got, as far as no event may be there that should not be."""
    frames = [msgspec.json.decode(event.payload) for event in got]
    found = ["a foreign event" for frame in frames if frame["user"] != "ann"]
    if any(after["n"] != before["n"] + 1 for before, after in pairwise(frames)):
        found.append("its numbers have gaps")
    for lane in {event.lane for event in got}:
        kinds = [event.kind for event in got if event.lane == lane]
        steps = [frame["body"]["step"] for event, frame in zip(got, frames, strict=True) if (event.kind, event.lane) == ("thought", lane)]
        if steps != sorted(set(steps)):
            found.append(f"{lane}: thoughts {steps} do not rise")
        if kinds.count("begun") > 1:
            found.append(f"{lane}: begun twice")
        if [kind for kind in kinds if kind in ("calling", "called")] != ["calling", "called"] * kinds.count("called") + ["calling"] * (
            kinds.count("calling") - kinds.count("called")
        ):
            found.append(f"{lane}: called without calling")
        agent = [event.kind for event in got if event.lane.partition("/")[0] == lane]
        if "done" in agent[:-1]:
            found.append(f"{lane}: something after its end")
    return found


#: Two agents, tools that only read, one that pays, a model, a stream. The old engine says some things twice, and closes no call.
CANDIDATE: tuple[Step, ...] = (
    Ask("id", kind="id"),
    Say("begun", "chooser"),
    Say("thought", "chooser", step=1),
    Ask("m", kind="model", lane="chooser"),
    Say("done", "chooser", status="completed"),
    Say("begun"),
    Say("thought", step=1),
    Pieces(),
    Ask("m", kind="model"),
    Say("calling", "helper/look#1"),
    Ask("look"),
    Say("called", "helper/look#1"),
    Say("thought", step=2),
    Say("calling", "helper/pay#1"),
    Ask("pay"),
    Say("called", "helper/pay#1"),
    Say("part"),
    Ask("m", kind="model", request="2"),
    Say("done", status="completed"),
)
CONTROL: tuple[Step, ...] = (
    Ask("id", kind="id"),
    Say("begun", "chooser"),
    Say("begun", "chooser"),
    Say("thought", "chooser", step=1),
    Say("thought", "chooser", step=2),
    Ask("m", kind="model", lane="chooser"),
    Say("done", "chooser", status="completed"),
    Say("done", "chooser", status="completed"),
    Say("begun"),
    Say("thought", step=1),
    Pieces(),
    Ask("m", kind="model"),
    Say("calling", "helper/look#1"),
    Ask("look"),
    Say("thought", step=2),
    Say("thought", step=2),
    Say("thought", step=3),
    Say("calling", "helper/pay#1"),
    Ask("pay"),
    Ask("m", kind="model", request="2"),
    Say("part"),
    Say("done", status="completed"),
    Say("done", status="completed"),
)
