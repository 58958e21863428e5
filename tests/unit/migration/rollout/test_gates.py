"""Gates as commands ask them: which step a surface has taken, and whether an edit leads further than its gate allows."""

from contextlib import closing
from datetime import UTC, datetime

import pytest

from migration.flags.edits import new_surface_flag, share
from migration.flags.meaning import FlagData, surface_flag_key
from migration.model import Stage
from migration.rollout.edit import Edits
from migration.rollout.gates import Gates
from migration.rollout.position import Position, position_of, reached
from migration.rollout.ramp_file import parse_ramp, read_ramp
from migration.rollout.store import Rollout, RolloutStore

TUESDAY = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
RAMP = """
[gate]
soak = "1 min"
least-comparisons = 100
least-noise-rounds = 0

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


class Clock:
    now = TUESDAY

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def edits(migration_settings):
    with Edits(migration_settings, wait_s=0.0) as found:
        yield found


@pytest.fixture
def gates(migration_settings, clock):
    with closing(RolloutStore.of_settings(migration_settings)) as store:
        store.start(Rollout(surface="chat", state="running", ramp_name="short", ramp=RAMP))
    with closing(Gates(migration_settings, clock=clock)) as found:
        yield found


@pytest.fixture
def go(edits, gates):
    """Move all tenants, and record it as `stage set` does."""

    def go(stage, percent=100.0):
        preview = edits.share("chat", stage, percent)
        written = edits.write(preview)
        gates.moved("chat", written.read.data)

    return go


@pytest.fixture
def objections(edits, gates):
    return lambda stage, percent=100.0: gates.objections("chat", edits.share("chat", stage, percent), tenant=None)


def test_the_first_step_has_no_gate_before_it(objections):
    assert objections(Stage.DUALWRITE) == ()


def test_a_step_without_shadows_is_left_when_it_has_lasted_long_enough(go, objections, clock):
    go(Stage.DUALWRITE)
    assert "The step has to last" in objections(Stage.SHADOW)[0]
    clock.now += 61
    assert objections(Stage.SHADOW) == ()


def test_a_step_with_shadows_is_left_on_its_evidence(go, objections, clock, evidence):
    go(Stage.DUALWRITE)
    go(Stage.SHADOW)
    clock.now += 61
    assert any("Nothing was looked at" in one for one in objections(Stage.LIVE, 10))
    evidence.injected(300)
    evidence.compared(1500, stage="shadow", received_at=TUESDAY + 1)
    assert objections(Stage.LIVE, 10) == ()
    evidence.compared(200, divergent=200, stage="shadow", received_at=TUESDAY + 1)
    assert any("says roll back" in one for one in objections(Stage.LIVE, 10))


def test_a_jump_over_a_step_of_the_ramp_is_named(go, objections):
    go(Stage.DUALWRITE)
    go(Stage.SHADOW)
    assert objections(Stage.LIVE)[0] == "the edit skips steps of the ramp: live 10 %"


def test_going_back_and_what_goes_nowhere_are_not_asked_about(go, objections):
    go(Stage.DUALWRITE)
    go(Stage.SHADOW)
    assert objections(Stage.SHADOW) == objections(Stage.DUALWRITE) == ()


def test_approvals_are_of_a_position_and_end_with_it(migration_settings, go, clock):
    with closing(RolloutStore.of_settings(migration_settings)) as store:
        go(Stage.DUALWRITE)
        here = Position(Stage.DUALWRITE, 100.0)
        assert store.approve("chat", here, "ada") == ("ada",)
        assert store.approve("chat", here, "ada") == ("ada",)
        assert store.approve("chat", here, "bob") == ("ada", "bob")
        go(Stage.SHADOW)
        assert store.taken("chat").approved_by == ()


def test_without_a_started_ramp_it_is_the_one_that_the_project_names(migration_settings, tmp_path, clock):
    (tmp_path / "pyproject.toml").write_text('[tool.netra-migration.ramps]\nchat = "short.toml"\n')
    (tmp_path / "short.toml").write_text(RAMP)
    settings = type(migration_settings)(home=tmp_path, surfaces=("chat", "batch"), project=tmp_path)
    with closing(Gates(settings, reading=True, clock=clock)) as gates:
        assert len(gates.ramp("chat").steps) == 4
        assert gates.ramp("batch").steps == read_ramp().steps


@pytest.mark.parametrize(
    ("stage", "percent", "step"),
    [
        ("off", 100, -1),
        ("dualwrite", 50, -1),
        ("dualwrite", 100, 0),
        ("shadow", 100, 1),
        ("live", 5, 1),
        ("live", 30, 2),
        ("complete", 100, 3),
    ],
)
def test_a_surface_has_taken_the_last_step_that_is_not_beyond_it(stage, percent, step):
    assert reached(parse_ramp(RAMP, "short"), Position(Stage(stage), percent)) == step


def test_where_a_surface_is_does_not_depend_on_pins_and_rules():
    flag = share(share(new_surface_flag("chat"), "chat", Stage.DUALWRITE), "chat", Stage.SHADOW, 25.0)
    pinned = {**flag, "contextTargets": [{"contextKind": "tenant", "values": ["acme"], "variation": 3}], "rules": [{"variation": 4}]}
    data = FlagData(flags={surface_flag_key("chat"): pinned})
    assert str(position_of(data, "chat")) == "shadow 25 %"
    assert str(position_of(FlagData(), "chat")) == "off 100 %"
