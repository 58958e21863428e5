"""A cohort moves before the percentages of its stage: by pins, which are removed when all tenants are there."""

import time
from contextlib import closing

import pytest

from migration.errors import EditConflictError, UnprovenEditError
from migration.flags.edits import pins, share
from migration.flags.meaning import FlagEvaluator, Tenant, surface_flag_key
from migration.model import Stage
from migration.rollout import Edits, Rollout, RolloutStore, Standing
from migration.rollout.controller import Controller
from migration.rollout.moving import EditMover
from migration.rollout.position import Position, position_of, reached, target
from migration.rollout.ramp_file import parse_ramp

RAMP = """
[gate]
soak = "1 s"
not-on = []
roll-back = "cohort"

[cohorts]
pilots = ["acme", "globex"]
friends = ["initech"]

[[step]]
stage = "dualwrite"
percent = 100

[[step]]
stage = "shadow"
cohort = "pilots"
gate.least-tenants = 2

[[step]]
stage = "shadow"
percent = 10

[[step]]
stage = "shadow"
cohort = "friends"
gate.least-tenants = 1

[[step]]
stage = "shadow"
percent = 100

[[step]]
stage = "live"
cohort = "pilots"
gate.least-tenants = 2

[[step]]
stage = "live"
percent = 100
"""
TENANTS = ("acme", "globex", "initech", "umbrella")


@pytest.fixture
def ramp():
    return parse_ramp(RAMP, "cohorts")


class Surface:
    """A surface's flag in a file, and the mover of controllers."""

    def __init__(self, settings, ramp):
        self.settings, self.ramp, self.mover = settings, ramp, EditMover(settings)

    def go(self, number, *, back=False, to=None):
        where = self.mover.where("chat", self.ramp)
        self.mover.move("chat", self.ramp, to or target(self.ramp, number), where.version, "a test", back=back)

    def pin(self, tenant, stage):
        with Edits(self.settings, wait_s=0.0) as edits:
            edits.write(edits.pin("chat", tenant, stage), forced=True)

    def unpin(self, tenant):
        with Edits(self.settings, wait_s=0.0) as edits:
            edits.write(edits.unpin("chat", tenant), forced=True)

    @property
    def data(self):
        with Edits(self.settings, wait_s=0.0) as edits:
            return edits.read().data

    @property
    def here(self):
        return str(position_of(self.data, "chat", self.ramp))

    @property
    def pinned(self):
        return set(pins(self.data.live(surface_flag_key("chat"))))

    @property
    def stages(self):
        with FlagEvaluator.of(self.data) as evaluator:
            return {tenant: evaluator.stage("chat", Tenant(tenant_id=tenant)).stage.value for tenant in TENANTS}


@pytest.fixture
def surface(migration_settings, ramp, monkeypatch):
    monkeypatch.setattr("migration.rollout.moving._WAIT_S", 0.0)
    return Surface(migration_settings, ramp)


def test_a_ramp_goes_by_cohorts_and_percentages_and_leaves_no_pin(surface, ramp):
    been = []
    for number in range(len(ramp.steps)):
        surface.go(number)
        been.append((surface.here, surface.pinned))
        assert reached(ramp, position_of(surface.data, "chat", ramp)) == number
    assert been == [
        ("dualwrite 100 %", set()),
        ("shadow pilots", {"acme", "globex"}),
        ("shadow 10 %", {"acme", "globex"}),
        ("shadow 10 % and friends", {"acme", "globex", "initech"}),
        ("shadow 100 %", set()),
        ("live pilots", {"acme", "globex"}),
        ("live 100 %", set()),
    ]


def test_a_cohort_moves_by_one_edit_and_nobody_else_moves(surface):
    surface.go(0)
    before = surface.mover.where("chat", surface.ramp).version
    surface.go(1)
    assert surface.mover.where("chat", surface.ramp).version == before + 1
    assert surface.stages == {"acme": "shadow", "globex": "shadow", "initech": "dualwrite", "umbrella": "dualwrite"}


@pytest.mark.parametrize(("number", "back"), [(1, Stage.DUALWRITE), (3, Stage.DUALWRITE), (5, Stage.SHADOW)])
def test_a_rollback_takes_the_cohorts_with_it(surface, number, back):
    for step in range(number + 1):
        surface.go(step)
    surface.go(0, back=True, to=Position(back, 100.0))
    assert set(surface.stages.values()) == {back.value}
    assert surface.pinned == set()


def test_who_is_pinned_to_an_earlier_stage_stays_there(surface):
    surface.go(0)
    surface.pin("globex", Stage.OFF)
    surface.go(1)
    assert surface.here == "shadow pilots"
    assert (surface.stages["acme"], surface.stages["globex"]) == ("shadow", "off")


def test_a_cohort_whose_tenants_are_all_held_back_is_not_moved(surface):
    surface.go(0)
    for tenant in ("acme", "globex"):
        surface.pin(tenant, Stage.OFF)
    with pytest.raises(UnprovenEditError, match="all tenants of pilots are pinned to an earlier stage"):
        surface.go(1)
    assert surface.here == "dualwrite 100 %"


def test_a_cohort_that_lost_a_pin_has_been_moved_back(surface):
    surface.go(0)
    surface.go(1)
    surface.unpin("acme")
    assert surface.here == "dualwrite 100 %"


def test_a_cohort_is_not_moved_if_the_flag_was_edited_meanwhile(surface):
    surface.go(0)
    where = surface.mover.where("chat", surface.ramp)
    surface.pin("umbrella", Stage.OFF)
    with pytest.raises(EditConflictError):
        surface.mover.move("chat", surface.ramp, target(surface.ramp, 1), where.version, "a test", back=False)
    assert surface.pinned == {"umbrella"}


def test_a_freed_tenant_loses_its_pin_by_the_edit_of_the_percentage():
    flag = {"key": "execution-engine-chat", "version": 4, **share(None, "chat", Stage.DUALWRITE), "contextTargets": [_target("acme", 1)]}
    moved = share(flag, "chat", Stage.SHADOW, freed={"acme", "nobody"})
    assert (moved["contextTargets"], moved["version"]) == ([], flag["version"] + 1)


def _target(tenant, variation):
    return {"contextKind": "tenant", "variation": variation, "values": [tenant]}


class Watched:
    """A controller of the surface, whose processes follow at once and whose evidence is given."""

    def __init__(self, surface):
        self.surface, self.standing = surface, Standing(since=0.0)
        self.store, self.mono, self.told = RolloutStore.of_settings(surface.settings), 0.0, []
        self.store.start(Rollout(surface="chat", state="running", ramp_name="cohorts", ramp=RAMP))
        began = time.time()
        self.controller = Controller(
            self.store,
            self,
            lambda *_: self.standing,
            self.told.append,
            wall=lambda: began + self.mono,
            monotonic=lambda: self.mono,
        )

    def __getattr__(self, name):
        return getattr(self.surface.mover, name)

    def where(self, surface, ramp):
        found = self.surface.mover.where(surface, ramp)
        return type(found)(position=found.position, version=found.version)

    def look(self, times=1):
        for _ in range(times):
            self.mono += 2.0
            self.controller.look()


def test_a_controller_moves_a_cohort_holds_and_rolls_it_back_with_the_cohort_of_the_breach(surface):
    watched = Watched(surface)
    with closing(watched.store):
        watched.look(4)
        assert surface.here == "shadow pilots"
        assert watched.store.rollout("chat").decision["reasons"] == ["Nothing was looked at: no run was compared."]
        watched.standing = Standing(since=0.0, breaches=1, breached={"acme"})
        watched.look(2)
    assert surface.stages == {"acme": "dualwrite", "globex": "dualwrite", "initech": "dualwrite", "umbrella": "dualwrite"}
    assert [one.what for one in watched.told] == ["promote", "promote", "hold", "roll back"]
    assert watched.told[-1].tenants == ("acme", "globex")
