"""The long versions for flags at LaunchDarkly and in Redis: a minute without a connection, how soon is followed, many kills, both SDKs."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from migration.flags.editors.redis import RedisEditor
from migration.flags.sources.hosted import HostedSource
from migration.flags.sources.redis import RedisSource
from tests.migration.integration.flag_sources.conftest import authority, eventually, follow, launchdarkly, redis_server, settings
from tests.unit.migration.flags.making import at, kill_switch

__all__ = ["authority", "follow", "launchdarkly", "redis_server", "settings"]
CHAT, PREFIX = "execution-engine-chat", "launchdarkly"


def test_the_last_known_flags_hold_through_sixty_seconds_without_launchdarkly(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings))
    launchdarkly.stop()
    gone = time.monotonic()
    while time.monotonic() - gone < 60:
        assert seen.stage() == "shadow"
        time.sleep(0.05)
    launchdarkly.flags[CHAT] = at("live", version=2)
    launchdarkly.flags["execution-engine-kill-switch"] = kill_switch(on=True, version=2)
    launchdarkly.start()
    eventually(seen.killed)
    print(f"\nback: the rest followed after {eventually(lambda: seen.up and seen.stage() == 'live'):.2f} s more")  # noqa: T201 - the figure


def test_a_patch_at_launchdarkly_is_followed_within_a_second(launchdarkly, settings, follow):
    seen, took = follow(HostedSource(settings)), []
    for version in range(2, 202):
        stage = ("live", "shadow")[version % 2]
        launchdarkly.put_flag(at(stage, version=version))
        took.append(eventually(lambda: seen.stage() == stage))  # noqa: B023 - waited for in this turn
    print(f"\n200 patches: median {statistics.median(took):.3f} s, slowest {max(took):.3f} s")  # noqa: T201 - the figure
    assert max(took) < 1


def test_the_kill_switch_is_effective_within_a_second_while_the_stream_waits_after_a_404(launchdarkly, settings, follow):
    seen, took = follow(HostedSource(settings, restart_s=3600)), []
    launchdarkly.faults.stream_always = 404
    launchdarkly.cut()
    eventually(lambda: "(404)" in seen.error)
    for version in range(2, 62):
        launchdarkly.put_flag(kill_switch(on=version % 2 == 0, version=version))
        took.append(eventually(lambda: seen.killed() is (version % 2 == 0)))  # noqa: B023 - same
        time.sleep(0.013 * (version % 7))
    print(f"\n60 turns: median {statistics.median(took):.3f} s, slowest {max(took):.3f} s")  # noqa: T201 - the figure
    assert max(took) < 1


@pytest.mark.server
def test_redis_killed_and_started_again_thirty_times_loses_no_edit(redis_server, follow):
    editor, took = RedisEditor(redis_server.url, PREFIX), []
    editor.write(editor.read(), CHAT, at("off"), comment="")
    seen = follow(RedisSource(redis_server.url, PREFIX))
    for version in range(2, 32):
        redis_server.kill()
        eventually(lambda: not seen.up)
        redis_server.start()
        stage = ("live", "shadow")[version % 2]
        editor.write(editor.read(), CHAT, at(stage, version=version), comment="")
        took.append(eventually(lambda: seen.stage() == stage))  # noqa: B023 - same
    print(f"\n30 restarts: median {statistics.median(took):.3f} s after the edit, slowest {max(took):.3f} s")  # noqa: T201 - the figure


EDITS = """
import sys
from migration.errors import EditConflictError, FlagSourceError
from migration.flags.editors.redis import RedisEditor
editor, taken, told = RedisEditor(sys.argv[1], "launchdarkly"), 0, 0
for _ in range(250):
    read = editor.read()
    flag = read.data.flags["execution-engine-chat"]
    try:
        editor.write(read, flag["key"], {**flag, "version": flag["version"] + 1}, comment="")
        taken += 1
    except EditConflictError:
        told += 1
    except FlagSourceError as error:
        assert "was accepted, and another edit was made right after it" in str(error), error
        taken += 1
print(taken, told)
"""


@pytest.mark.server
def test_of_a_thousand_edits_in_redis_by_four_processes_none_is_lost_and_each_refusal_is_told(redis_server):
    editor = RedisEditor(redis_server.url, PREFIX)
    editor.write(editor.read(), CHAT, at("off"), comment="")
    command = [sys.executable, "-c", EDITS, redis_server.url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    taken, told = (sum(column) for column in zip(*(map(int, one.communicate()[0].split()) for one in processes), strict=True))
    print(f"\n1,000 edits by 4 processes: {taken} taken, {told} refused and told")  # noqa: T201 - the figure
    assert (taken + told, editor.read().data.flags[CHAT]["version"]) == (1000, 1 + taken)


@pytest.mark.parametrize("sdk", ["9.18.2", "9.20.0"])
def test_the_seam_works_on_the_oldest_and_the_newest_sdk_that_is_allowed(sdk, tmp_path):
    folder = tmp_path / "sdk"
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps", "--target", folder, f"launchdarkly-server-sdk=={sdk}"]
    subprocess.run(install, check=True)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{root}"}
    version = subprocess.run(
        [sys.executable, "-c", "import ldclient; print(ldclient.__version__)"], env=environment, capture_output=True, text=True, check=True
    )
    assert version.stdout.strip() == sdk
    tests = ["tests/unit/migration/flags", "tests/migration/integration/flag_sources"]
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], cwd=root, env=environment, check=False)
    assert ran.returncode == 0
