"""Controllers as processes: one that is killed is followed by the other, and each step is taken once. 200 kills are a nightly test."""

from random import Random

from tests.integration.controllers import Scene


def test_a_ramp_is_taken_to_its_end_once_although_its_controllers_are_killed(tmp_path):
    with Scene(tmp_path, steps=6) as scene:
        scene.kill_now_and_then(3, Random(4))  # noqa: S311 - moments
        scene.wait()
        scene.check()
