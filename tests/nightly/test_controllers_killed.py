"""200 kills of two controllers, with clocks that jump and a database that is locked now and then: no step is skipped, repeated, or taken
without its gate.
"""

from random import Random

from tests.integration.controllers import Scene

KILLS = 200


def test_no_step_is_skipped_repeated_or_taken_without_its_gate_in_200_kills(tmp_path):
    random, killed, scenes = Random(2026), 0, 0  # noqa: S311 - moments
    while killed < KILLS:
        home = tmp_path / str(scenes)
        home.mkdir()
        with Scene(home, steps=25) as scene:
            killed += scene.kill_now_and_then(KILLS - killed, random)
            scene.wait()
            scene.check()
        scenes += 1
    assert (killed, scenes > 0) == (KILLS, True)
