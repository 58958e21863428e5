"""Controllers as processes: one that is killed is followed by the other, and each step is taken once. 200 kills are a nightly test."""

import time
from random import Random

from migration.model import Stage
from migration.rollout import Edits, Position
from tests.integration.controllers import PATIENCE_S, Scene
from tests.unit.migration.rollout.conftest import Evidence

#: Twice a second a controller looks; the rest is for a machine that is busy with something else. Alone it takes less than a second.
BREACH_S = 2.0

BREACH = """
[gate]
not-on = []

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


def test_a_ramp_is_taken_to_its_end_once_although_its_controllers_are_killed(tmp_path):
    with Scene(tmp_path, steps=6) as scene:
        scene.kill_now_and_then(3, Random(4))  # noqa: S311 - moments
        scene.wait()
        scene.check()


def test_a_breach_is_rolled_back_within_two_seconds(tmp_path):
    live, shadow = Position(Stage.LIVE, 10.0), Position(Stage.SHADOW, 100.0)
    with Scene(tmp_path, steps=1, ramp=BREACH) as scene:
        with Edits(scene.settings, wait_s=0.0) as edits:
            for stage, percent in ((Stage.DUALWRITE, 100.0), (Stage.SHADOW, 100.0), (Stage.LIVE, 10.0)):
                edits.write(edits.share("chat", stage, percent))
        evidence = Evidence(scene.settings)
        scene.child(every_s=0.5)
        until = time.monotonic() + PATIENCE_S
        while (rollout := scene.store.rollout("chat")) is None or rollout.at != live:
            assert time.monotonic() < until
            time.sleep(0.05)
        began = time.monotonic()
        evidence.compared(1, breach=True, received_at=time.time())
        while scene.seen[-1][1] != shadow:
            assert time.monotonic() < until
            time.sleep(0.01)
        took_s = scene.seen[-1][0] - began
        evidence.database.close()
    assert took_s < BREACH_S
