"""A controller takes each step once, with its gate, whatever ends, jumps or disappears on the way."""

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from random import Random

import pytest

from migration.database import IN_MEMORY
from migration.errors import EditConflictError, FlagSourceError, RolloutStateError, UnprovenEditError
from migration.model import Stage
from migration.rollout.controller import Controller
from migration.rollout.leader import UNCHANGED_S
from migration.rollout.moving import Where
from migration.rollout.position import START, Position
from migration.rollout.standing import Standing
from migration.rollout.store import Rollout, RolloutStore
from migration.statistics import Outcomes

TUESDAY = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
SOAK_S = 60.0
RAMP = """
[gate]
soak = "1 min"
approvals = 1
not-on = []

[[step]]
stage = "dualwrite"
percent = 10

[[step]]
stage = "dualwrite"
percent = 50

[[step]]
stage = "dualwrite"
percent = 100

[[step]]
stage = "shadow"
percent = 20
"""
PATH = [Position(Stage.DUALWRITE, 10.0), Position(Stage.DUALWRITE, 50.0), Position(Stage.DUALWRITE, 100.0), Position(Stage.SHADOW, 20.0)]
BREACH = """
[gate]
not-on = []
roll-back = "%s"

[[step]]
stage = "dualwrite"
percent = 100

[[step]]
stage = "shadow"
percent = 100

[[step]]
stage = "live"
percent = 10

[[step]]
stage = "live"
percent = 100
"""


class World:
    """Time, one flag, and faults: everything that a controller does passes here and may fail, or be the last that its process does."""

    def __init__(self) -> None:
        self.store = RolloutStore(IN_MEMORY)
        self.mono, self.offset = 100.0, TUESDAY
        self.position, self.version, self.killed = START, 0, False
        self.writes: list[tuple[float, Position, Position]] = []  #: when, from, to
        self.pins: list[tuple[str, Stage]] = []
        self.told: list = []
        self.standing = Standing(since=0.0)
        self.calls, self.end_at, self.gone = 0, None, False
        self.refusal: tuple[str, ...] = ()
        self.unfollowed: str | None = None

    def wall(self) -> float:
        return self.mono + self.offset

    def wait(self, seconds: float) -> None:
        self.mono += seconds

    def controller(self, name: str) -> Controller:
        return Controller(
            Faulty(self.store, self),
            Faulty(self, self),
            lambda *_: self.standing,
            self.told.append,
            name=name,
            wall=self.wall,
            monotonic=lambda: self.mono,
        )

    def start(self, ramp: str = RAMP) -> None:
        self.store.start(Rollout(surface="chat", state="running", ramp_name="test", ramp=ramp))

    @property
    def rollout(self) -> Rollout:
        return self.store.rollout("chat")

    # the flags

    def where(self, _surface, _ramp):
        return Where(position=self.position, version=self.version, killed=self.killed, unfollowed=self.unfollowed)

    def move(self, _surface, _ramp, to, version, _why, *, back):
        if version != self.version:
            raise EditConflictError("flags", ())
        if self.refusal and not back:
            raise UnprovenEditError("chat", self.refusal)
        self.writes.append((self.mono, self.position, to))
        self.position, self.version = to, self.version + 1
        return "they follow"

    def fence(self, _surface, version):
        if version != self.version:
            raise EditConflictError("flags", ())
        self.version += 1

    def send_back(self, _surface, tenants, stage, _why):
        self.pins += [(tenant, stage) for tenant in tenants]


class KilledError(BaseException):
    """The process ends here."""


class Faulty:
    """Passes calls on to the store or the flags; kills the caller at a chosen call, before or after it had its effect."""

    def __init__(self, real, world: World) -> None:
        self._real, self._world = real, world

    def __getattr__(self, name):
        return partial(self._call, getattr(self._real, name), name)

    def _call(self, method, name, *arguments, **named):
        world = self._world
        world.calls += 1
        if world.gone:
            raise FlagSourceError("gone") if self._real is world else RolloutStateError("gone")
        here = world.end_at is not None and world.calls >= world.end_at
        if here and world.calls % 2:
            raise KilledError(name)
        done = method(*arguments, **named)
        if here:
            raise KilledError(name)
        return done


@pytest.fixture
def world():
    return World()


def approve(world):
    with suppress(RolloutStateError):
        world.store.approve("chat", world.position, "ada")


def lead(world, controller, times=1, every_s=1.0):
    for _ in range(times):
        world.wait(every_s)
        controller.look()


def test_a_ramp_is_taken_step_by_step_to_its_end(world):
    world.start()
    one = world.controller("one")
    for _ in range(5):
        lead(world, one)
        approve(world)
        lead(world, one, 30, 2.5)
    assert [to for _, _, to in world.writes] == PATH
    assert world.rollout.state == "complete"
    assert [one.what for one in world.told] == ["promote", "hold", "promote", "hold", "promote", "hold", "promote", "complete"]


def test_a_step_without_its_approval_is_held_and_says_so(world):
    world.start()
    lead(world, world.controller("one"), 200, 2.0)
    assert world.position == PATH[0]
    assert world.rollout.decision["reasons"] == ["It waits for 1 approval."]


@pytest.mark.parametrize("seed", range(8))
def test_no_step_is_skipped_repeated_or_taken_without_its_gate(world, seed):
    """Two controllers; each look may be the last of its process, at any call; clocks jump; flags and database come and go."""
    random = Random(seed)  # noqa: S311 - faults, not secrets
    world.start()
    names = iter(range(10_000))
    controllers = [world.controller(f"c{next(names)}") for _ in range(2)]
    approved_at: dict[Position, float] = {}
    for _ in range(500):
        world.wait(random.choice([0.2, 1.0, 3.0, 7.0]))
        if random.random() < 0.02:
            world.offset += random.choice([-86_400.0, -60.0, 60.0, 86_400.0])
        world.gone = random.random() < 0.05
        if random.random() < 0.05:
            approve(world)
            approved_at.setdefault(world.position, world.mono)
        at = random.randrange(2)
        world.end_at = world.calls + random.randrange(1, 14) if random.random() < 0.25 else None
        try:
            controllers[at].look()
        except KilledError:
            controllers[at] = world.controller(f"c{next(names)}")
        world.end_at = None
    taken = [to for _, _, to in world.writes]
    assert taken == PATH[: len(taken)]  # none skipped, none repeated
    for (before, _, position), (after, _, _) in zip(world.writes, world.writes[1:], strict=False):
        assert after - before >= SOAK_S
        assert approved_at[position] <= after
    promoted = [one.id for one in world.told if one.what == "promote"]
    assert len(set(promoted)) == len(taken) or world.rollout.intent is not None


def test_every_single_point_of_a_step_may_be_the_last_of_a_process(world):
    world.start()
    one = world.controller("c0")
    lead(world, one, 2)
    approve(world)
    lead(world, one, 65)
    calls = 0
    while world.position != PATH[1]:  # a process that ends one call later each time
        calls += 1
        world.end_at = world.calls + calls
        with suppress(KilledError):
            lead(world, one)
        world.end_at = None
        if world.position == PATH[0]:
            one = world.controller(f"c{calls}")
            lead(world, one, 2)
            lead(world, one, 3, UNCHANGED_S)
    lead(world, world.controller("last"), 4, UNCHANGED_S)
    assert [to for _, _, to in world.writes] == PATH[:2]
    assert world.rollout.intent is None


def test_a_leader_that_was_stopped_before_its_write_cannot_write_after_another_took_over(world):
    world.start()
    late = world.controller("late")
    stalled = []

    def stall(*arguments, **named):
        stalled.append((arguments, named))
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "move", stall)
        with pytest.raises(KilledError):
            lead(world, late)
    world.store.change(world.rollout, state="paused")  # what has begun before must not be written after it
    other = world.controller("other")
    lead(world, other, 3, UNCHANGED_S)
    assert (world.position, world.rollout.intent) == (START, None)
    (arguments, named), *_ = stalled
    with pytest.raises(EditConflictError):
        world.move(*arguments, **named)


def test_a_clock_that_jumps_forward_does_not_end_a_soak(world):
    world.start()
    one = world.controller("one")
    lead(world, one, 2)
    approve(world)
    world.offset += 86_400.0
    lead(world, one, 20)
    assert world.position == PATH[0]
    lead(world, one, 60)
    assert world.position == PATH[1]


def test_after_a_jump_it_says_why_it_holds(world):
    world.start()
    one = world.controller("one")
    lead(world, one, 2)
    approve(world)
    lead(world, one, 55)
    world.offset -= 3600.0
    lead(world, one, 20)
    assert world.position == PATH[0]
    assert "The clock jumped by -3600 s; nothing is promoted for 30 s." in world.rollout.decision["reasons"]


@pytest.mark.parametrize("reach", ["all", "tenant"])
def test_a_breach_rolls_back_at_the_next_look_as_far_as_was_chosen(world, reach):
    world.position, world.version = Position(Stage.LIVE, 10.0), 5
    world.start(BREACH % reach)
    one = world.controller("one")
    lead(world, one)
    world.standing = Standing(since=0.0, breaches=1, breached={"acme"}, outcomes=Outcomes())
    lead(world, one, 3)
    if reach == "all":
        assert (world.position, world.pins) == (Position(Stage.SHADOW, 100.0), [])
    else:
        assert (world.position, world.pins) == (Position(Stage.LIVE, 10.0), [("acme", Stage.SHADOW)])
    assert (world.rollout.state, [one.what for one in world.told]) == ("rolled back", ["hold", "roll back"])
    assert "1 comparison found somebody else's data." in world.told[-1].reasons


def test_a_breach_rolls_back_even_after_a_jump_and_under_the_kill_switch(world):
    world.position, world.version, world.killed = Position(Stage.LIVE, 10.0), 5, True
    world.start(BREACH % "all")
    world.standing = Standing(since=0.0, breaches=1)
    one = world.controller("one")
    world.offset += 3600.0
    lead(world, one)
    assert world.position == Position(Stage.SHADOW, 100.0)


def test_under_the_kill_switch_nothing_is_promoted(world):
    world.killed = True
    world.start()
    lead(world, world.controller("one"), 3)
    assert (world.position, world.rollout.decision["reasons"]) == (START, ["The kill switch is on."])


def test_evidence_that_cannot_be_read_holds(world):
    world.position, world.version = Position(Stage.LIVE, 10.0), 5
    world.start(BREACH % "all")
    world.standing = Standing(since=0.0, unreadable="it is gone")
    lead(world, world.controller("one"), 3)
    assert world.rollout.decision["reasons"] == ["The evidence cannot be read: it is gone."]


def test_a_ramp_that_somebody_moved_back_is_paused(world):
    world.position, world.version = PATH[2], 5
    world.start()
    one = world.controller("one")
    lead(world, one, 2)
    world.position, world.version = PATH[0], 6
    lead(world, one, 2)
    assert (world.rollout.state, world.position) == ("paused", PATH[0])
    assert "another edit moved the surface back from dualwrite 100 % to dualwrite 10 %" in world.rollout.why


def test_a_move_that_is_not_proved_is_held_with_its_reasons_and_not_tried_at_once_again(world):
    world.refusal = ("it lacks runs of acme",)
    world.start()
    one = world.controller("one")
    lead(world, one, 10)
    assert world.rollout.decision["reasons"] == ["it lacks runs of acme"]
    assert (world.version, [one.what for one in world.told]) == (0, ["hold"])
    world.refusal = ()
    lead(world, one, 40)
    assert world.position == PATH[0]


def test_a_move_that_stays_unproved_is_reported_once_and_again_when_its_reason_changes(world):
    world.refusal = ("it lacks runs of acme",)
    world.start()
    one = world.controller("one")
    lead(world, one, 100)  # three tries
    assert [one.reasons for one in world.told] == [("it lacks runs of acme",)]
    world.refusal = ("it lacks runs of globex",)
    lead(world, one, 100)
    assert [one.reasons for one in world.told] == [("it lacks runs of acme",), ("it lacks runs of globex",)]


def test_while_another_controller_leads_it_only_waits(world):
    world.start()
    one, other = world.controller("one"), world.controller("other")
    for _ in range(20):
        world.wait(1.0)
        one.look()
        assert other.look() is False
    assert world.rollout.intent is None


def test_a_controller_that_resigns_is_followed_at_once(world):
    one, other = world.controller("one"), world.controller("other")
    one.look()
    one.leader.resign()
    world.wait(0.1)
    assert other.look() is True


def test_nothing_is_promoted_while_processes_do_not_follow(world):
    world.unfollowed = "server 7: silent, so it is not known which flags are followed."
    world.start()
    one = world.controller("one")
    lead(world, one, 3)
    assert (world.position, world.rollout.decision["reasons"]) == (START, [world.unfollowed])
    world.unfollowed = None
    lead(world, one)
    assert world.position == PATH[0]


def test_what_cannot_be_reported_does_not_stop_a_ramp(world):
    def broken(_happened):
        raise RuntimeError("no")

    world.start()
    one = Controller(world.store, world, lambda *_: world.standing, broken, name="one", wall=world.wall, monotonic=lambda: world.mono)
    lead(world, one)
    assert (world.position, world.rollout.intent) == (PATH[0], None)
