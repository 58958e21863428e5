"""A planted bug of a candidate is found in a long recording, made small, and written down as a test that fails with it alone."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration.import_strings import load
from migration.model import Verdict
from migration.recordings import RecordedRun, write_line
from migration.reproduce import BothEngines, Budget, ShrinkProgress, assert_agree, minimise, test_file

MakeRun = Callable[..., RecordedRun]
Planted = Any


@pytest.fixture
def fingerprint(both: BothEngines, make_run: MakeRun) -> str:
    fitted = both.fitted(make_run())
    assert fitted is not None
    (divergence,) = both.compare(fitted).comparison.divergences
    assert divergence.kind == "missing_event"
    return divergence.fingerprint


def pytest_of(planted: Planted, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(planted.folder), str(file)]
    environment = os.environ | {"PYTHONPATH": str(planted.folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=planted.folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_long_recording_shrinks_to_what_the_bug_needs(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    found = minimise(make_run(), fingerprint, both)
    assert found is not None
    payload = json.loads(found.recording.request.payload)
    assert payload == {"message": "", "history": [{"content": "refund"}], "tools": ["lookup"]}
    assert [json.loads(one.reply or b"") for one in found.recording.journal] == [{"message": {"content": ""}}]
    assert found.complete


def test_the_written_test_fails_with_the_bug_and_passes_without(
    both: BothEngines, make_run: MakeRun, fingerprint: str, planted: Planted
) -> None:
    found = minimise(make_run(), fingerprint, both)
    assert found is not None
    file = planted.folder / "test_written.py"
    file.write_text(test_file(found, planted.engines))
    with_bug = pytest_of(planted, file)
    assert with_bug.returncode == 1, with_bug.stdout
    assert "Control sends `agent_thinking` for `data`; candidate does not." in with_bug.stdout
    planted.plant("False")
    without = pytest_of(planted, file)
    assert without.returncode == 0, without.stdout


def test_the_written_test_is_named_by_the_sentence_and_names_nobody(
    both: BothEngines, make_run: MakeRun, fingerprint: str, planted: Planted
) -> None:
    found = minimise(make_run(), fingerprint, both)
    assert found is not None
    source = test_file(found, planted.engines)
    assert "def test_control_sends_agent_thinking_for_data_candidate_does_not() -> None:" in source
    assert [private for private in ("acme-shop", "ann-k", "th-77", "r-81724", "1700000000", "paid in May") if private in source] == []
    assert max(map(len, source.splitlines())) <= 140


def test_the_same_recording_gives_the_same_test(both: BothEngines, make_run: MakeRun, fingerprint: str, planted: Planted) -> None:
    sources = set()
    for _ in range(2):
        found = minimise(make_run(), fingerprint, both)
        assert found is not None
        sources.add(test_file(found, planted.engines))
    assert len(sources) == 1


def test_a_recording_that_does_not_show_the_divergence_gives_nothing(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    assert minimise(make_run(said="thank you"), fingerprint, both) is None


def test_a_spent_budget_gives_the_smallest_found_so_far_and_says_so(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    found = minimise(make_run(), fingerprint, both, budget=Budget(attempts=12))
    assert found is not None
    assert (found.complete, found.attempts) == (False, 12)
    assert len(write_line(found.recording)) < len(write_line(make_run()))
    assert fingerprint in {one.fingerprint for one in both.compare(found.recording).comparison.divergences}


@pytest.mark.parametrize("attempt_s", [1.0, 2.5, 20.0])
def test_seconds_end_the_search_before_they_are_over(
    both: BothEngines, make_run: MakeRun, fingerprint: str, attempt_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, compare = itertools.count(), both.compare
    monkeypatch.setattr(both, "compare", lambda recorded: (next(now), compare(recorded))[1])

    found = minimise(make_run(), fingerprint, both, budget=Budget(seconds=30.0), clock=lambda: attempt_s * now.__reduce__()[1][0])

    assert found is not None
    assert (found.complete, found.seconds <= 30.0) == (False, True)
    assert found.seconds >= 30.0 - 2 * attempt_s


def test_a_budget_of_nothing_gives_the_recording_as_it_is(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    found = minimise(make_run(), fingerprint, both, budget=Budget(seconds=0))
    assert found is not None
    assert (found.complete, found.recording.request) == (False, make_run().request)


def test_progress_is_told_after_each_attempt_and_never_grows(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    told: list[ShrinkProgress] = []
    minimise(make_run(), fingerprint, both, on_progress=told.append)
    assert told[0].attempts == 2
    sizes = [one.size_bytes for one in told]
    assert sizes[-1] < sizes[0] / 10


def test_a_run_that_completes_is_not_shrunk_to_one_that_fails(planted: Planted, make_run: MakeRun) -> None:
    # The candidate loses the event whatever was said, also where no answer comes and the run fails.
    planted.plant("self.origin is Origin.CANDIDATE")
    both = BothEngines(load(planted.engines))
    fitted = both.fitted(make_run())
    assert fitted is not None
    (divergence,) = both.compare(fitted).comparison.divergences
    found = minimise(make_run(), divergence.fingerprint, both)
    assert found is not None
    compared = both.compare(found.recording)
    both.close()
    assert compared.control is not None
    assert compared.control.outcome == "completed"


def test_another_divergence_of_the_same_run_does_not_stand_in_for_the_one_that_was_asked_for(
    both: BothEngines, make_run: MakeRun, fingerprint: str, planted: Planted
) -> None:
    always_differs = "self.origin is Origin.CANDIDATE and reply['message'].update(content='another answer')"
    planted.plant(f"({always_differs}) or ({planted.bug})")
    with_two = BothEngines(load(planted.engines))
    found = minimise(make_run(), fingerprint, with_two)
    with_two.close()
    assert found is not None
    assert len(found.comparison.divergences) == 2
    assert json.loads(found.recording.request.payload)["history"] == [{"content": "refund"}]


def crossed(recorded: RecordedRun, *, unused: bool) -> RecordedRun:
    """Return the recording with the answers of two tools crossed, so that control cannot be answered in sequence by name."""
    journal = recorded.journal if unused else recorded.journal[:-1]
    return RecordedRun(request=recorded.request, journal=(journal[0], journal[2], journal[1], *journal[3:]))


def test_a_recording_that_does_not_fit_as_a_whole_shrinks_all_the_same(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    found = minimise(crossed(make_run(), unused=False), fingerprint, both)
    assert found is not None
    assert json.loads(found.recording.request.payload) == {"message": "", "history": [{"content": "refund"}], "tools": ["lookup"]}
    assert found.attempts < 500


def test_a_recording_that_control_does_not_reproduce_is_no_ground_for_a_test(
    both: BothEngines, make_run: MakeRun, fingerprint: str
) -> None:
    assert minimise(crossed(make_run(), unused=True), fingerprint, both) is None


def test_the_small_recording_is_no_doubtful_one(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    found = minimise(make_run(), fingerprint, both)
    assert found is not None
    assert both.compare(found.recording).comparison.verdict is Verdict.DIVERGENT


def test_a_recording_is_fitted_to_what_control_asks_now(both: BothEngines, make_run: MakeRun) -> None:
    recorded = make_run()
    stale = tuple(msgspec.structs.replace(one, request=b'{"stale":true}') for one in recorded.journal)
    fitted = both.fitted(RecordedRun(request=recorded.request, journal=stale))
    assert fitted is not None
    assert [one.name for one in fitted.journal] == ["m", "search", "calculate", "m", "search", "m"]
    assert json.loads(fitted.journal[1].request or b"")["name"] == "search"


def test_a_recording_with_too_few_answers_does_not_fit(both: BothEngines, make_run: MakeRun) -> None:
    recorded = make_run()
    assert both.fitted(RecordedRun(request=recorded.request, journal=recorded.journal[:3])) is None


def test_an_answer_of_another_tool_does_not_fit(both: BothEngines, make_run: MakeRun) -> None:
    assert both.fitted(crossed(make_run(), unused=True)) is None


def test_a_new_divergence_in_place_of_the_old_one_fails_the_test(
    both: BothEngines, make_run: MakeRun, fingerprint: str, planted: Planted
) -> None:
    found = minimise(make_run(), fingerprint, both)
    assert found is not None
    planted.plant("self.origin is Origin.CANDIDATE and reply['message'].update(content='another answer')")
    recording = write_line(found.recording).decode()
    with pytest.raises(AssertionError, match=f"{fingerprint} is gone, but candidate has new differences"):
        assert_agree(recording, engines=planted.engines, fingerprint=fingerprint)


def test_a_recording_that_control_no_longer_reproduces_fails_the_test(make_run: MakeRun, planted: Planted) -> None:
    planted.plant("False")
    with pytest.raises(AssertionError, match=r"it cannot be determined[^\0]*control does not reproduce the recording"):
        assert_agree(write_line(make_run()).decode(), engines=planted.engines, fingerprint="0" * 12)


def test_texts_of_any_kind_survive_the_way_into_the_file_and_back(both: BothEngines, make_run: MakeRun, fingerprint: str) -> None:
    said = 'refund "\'""" \\ \\" {braces} \n \u2028 ünï \U0001f600'
    found = minimise(make_run(said=said), fingerprint, both, budget=Budget(attempts=1))
    assert found is not None
    space: dict[str, Any] = {}
    exec(compile(test_file(found, "x:y"), "test_x.py", "exec"), space)  # noqa: S102 - the file that was just written
    assert json.loads(space["RECORDING"])["request"]["payload"] == json.loads(found.recording.request.payload)
    assert json.loads(found.recording.request.payload)["history"][12]["content"] == said
