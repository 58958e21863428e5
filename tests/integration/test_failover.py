"""A candidate that fails at any event, on every surface: what real clients get from real engines, and what is done outside.

The long version is `tests/nightly/test_failover.py`: every request, in every way.
"""

import msgspec

from netra_backend.app.services.runs.databases import RunDatabases
from tests.integration.failing_candidates import ASKED, failing_backend, tried

#: The shortest request of each surface: five or so events more say the same.
SHORT = [ASKED[1], ASKED[2], ASKED[5], ASKED[6]]


async def test_wherever_a_candidate_fails_its_client_gets_one_clean_stream_or_a_typed_error(tmp_path):
    async with failing_backend(tmp_path) as running:
        chat, oneshot, read, saved = [await tried(running, surface, request, "exception") for surface, request in SHORT]
        batch = await tried(running, *ASKED[4], "stops")
    # Saved: all but the open calls (two tools at once) and what comes after the answer.
    assert chat.results == ["saved"] * 5 + ["unclosed"] * 3 + ["saved"] * 3 + ["answered"]
    assert oneshot.results == ["saved"] * 5 + ["unclosed"] * 3 + ["saved"] * 3 + ["answered", "ended"]
    assert read.results == ["saved", "unclosed", "saved", "ended"]
    # A plan may have been saved before its events were delivered; it is never saved twice.
    assert set(saved.results) <= {"saved", "unclosed", "irreversible", "ended"}
    assert batch.results[0] == "saved"
    assert batch.results[-1] == ""


async def test_the_store_keeps_one_run_that_control_finished_and_says_who_failed_before(tmp_path):
    async with failing_backend(tmp_path, "rampdown") as running:
        running.faults.at = 2
        heard = await running.ask(*ASKED[1])
        databases = RunDatabases(running.settings)
        frame = heard.frames[0]
        kept = await databases.user.thread(frame["tenant_id"], frame["user_id"], frame["thread_id"])
        await databases.aclose()
    assert [(run.outcome, run.answer is not None) for run in kept] == [("completed", True)]
    assert kept[0].engine.startswith("legacy, after user failed (RuntimeError, build ")
    assert msgspec.json.encode(kept[0]).count(b"a defect") == 0
