"""`pytest --engine-parity`: recordings as test items."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from migration.recordings import RecordedRun, write_line
from migration.reproduce import BothEngines

pytest_plugins = "pytester"

Planted = Any
MakeRun = Callable[..., RecordedRun]
Project = Callable[..., pytest.RunResult]


@pytest.fixture
def project(pytester: pytest.Pytester, planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Runs pytest in a project that keeps recordings."""
    monkeypatch.setenv("PYTHONPATH", str(planted.folder))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(
        f"[pytest]\nengine_parity_engines = {planted.engines}\nengine_parity_recordings = recordings/*.jsonl\n"
        "engine_parity_ledger = ledger\n"
    )
    return lambda *arguments: pytester.runpytest_inprocess("-p", "migration.pytest_plugin", "-p", "no:cacheprovider", *arguments)


@pytest.fixture
def keep(pytester: pytest.Pytester) -> Callable[..., None]:
    """Keeps lines as a file of recordings."""

    def write(*lines: bytes, name: str = "runs.jsonl") -> None:
        folder = pytester.path / "recordings"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"".join(lines))

    return write


@pytest.fixture
def fitting(both: BothEngines, make_run: MakeRun) -> Callable[..., bytes]:
    """Makes lines that control reproduces."""

    def line(**changes: Any) -> bytes:
        fitted = both.fitted(make_run(**changes))
        assert fitted is not None
        return write_line(fitted)

    return line


def test_runs_on_which_both_engines_agree_pass(project: Project, keep, fitting) -> None:
    keep(fitting(said="hello", run_id="r-1"), fitting(said="thanks", run_id="r-2"))
    result = project("--engine-parity", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*runs.jsonl::r-1 PASSED*", "*runs.jsonl::r-2 PASSED*"])


def test_a_divergent_run_fails_with_the_sentence_and_both_streams(project: Project, keep, fitting) -> None:
    keep(fitting(said="hello", run_id="r-1"), fitting(run_id="r-2"))
    result = project("--engine-parity")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*engine parity: r-2*",
            "run r-2 of chat: divergent",
            "  divergent: Control sends `agent_thinking` for `data`; candidate does not. [[]contract, missing_event *",
            "*lane*control*candidate",
            "missing*data*agent_thinking: *",
        ]
    )


def test_with_v_values_are_shown(project: Project, keep, fitting) -> None:
    keep(fitting())
    shown = '*control:*"progress_percentage":1*'
    project("--engine-parity").stdout.no_fnmatch_line(shown)
    project("--engine-parity", "-v").stdout.fnmatch_lines([shown])


def test_an_accepted_divergence_passes_and_one_of_an_expired_entry_fails(
    project: Project, keep, fitting, pytester: pytest.Pytester
) -> None:
    keep(fitting())
    ledger = pytester.path / "ledger" / "chat.toml"
    ledger.parent.mkdir()
    entry = "".join(
        f'[[accepted]]\nid = "{kind}"\nreason = "r"\nowner = "o"\nexpires = {{0}}\n'
        f'pattern = {{{{ kind = "{kind}", path = "agent_thinking" }}}}\n'
        for kind in ("missing_event", "contract_violation")
    )
    ledger.write_text(entry.format("2999-01-01"))
    project("--engine-parity").assert_outcomes(passed=1)
    ledger.write_text(entry.format("2001-01-01"))
    project("--engine-parity").assert_outcomes(failed=1)


def test_an_inconclusive_run_fails_with_the_reason(project: Project, keep, make_run: MakeRun) -> None:
    keep(write_line(make_run(said="hello")))
    result = project("--engine-parity")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  inconclusive: control does not reproduce the recording*"])


def test_a_report_says_that_nobody_scanned_the_runs_for_other_peoples_data(project: Project, keep, fitting) -> None:
    keep(fitting())
    project("--engine-parity").stdout.fnmatch_lines(["  not looked at: other people's data*"])


def test_a_line_that_cannot_be_read_fails_and_names_itself(project: Project, keep, fitting) -> None:
    keep(fitting(said="hello"), b'{"schema": 99}\n')
    result = project("--engine-parity")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*runs.jsonl:2: it has schema 99, and this tool reads up to *"])


def test_a_turn_that_nobody_answered_is_skipped_with_the_reason(project: Project, keep) -> None:
    keep(json.dumps({"id": "c", "messages": [{"role": "user", "content": "hello?"}]}).encode())
    result = project("--engine-parity", "-rs")
    result.assert_outcomes(skipped=1, failed=1)
    result.stdout.fnmatch_lines(["SKIPPED*turn 1 is not answered"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no run in runs.jsonl: it is empty"),
        (b'{"messages": []}', "no run in runs.jsonl: the conversation has no user turn"),
        (b"PAR1\0\0\0\0", "no run in runs.jsonl: *a Parquet file*"),
    ],
)
def test_a_file_without_a_run_never_passes(project: Project, keep, content: bytes, why: str) -> None:
    keep(content)
    result = project("--engine-parity")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"*{why}*"])


def test_without_a_ledger_the_header_says_so(project: Project, keep, fitting, pytester: pytest.Pytester) -> None:
    keep(fitting(said="hello"))
    project("--engine-parity").stdout.fnmatch_lines(["engine parity: there is no ledger folder *, so no divergence is accepted"])
    (pytester.path / "ledger").mkdir()
    project("--engine-parity").stdout.no_fnmatch_line("engine parity: there is no ledger*")


def test_without_the_option_no_recording_is_collected(project: Project, keep, fitting) -> None:
    keep(fitting())
    assert project().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_marker_chooses_recordings(project: Project, keep, fitting, pytester: pytest.Pytester) -> None:
    keep(fitting(said="hello"))
    pytester.makepyfile("def test_other():\n    pass\n")
    project("--engine-parity", "--strict-markers", "-m", "engine_parity").assert_outcomes(passed=1, deselected=1)


def test_to_find_no_recording_is_an_error_and_not_a_pass(project: Project, keep, pytester: pytest.Pytester) -> None:
    keep(b"", name="other.json")
    pytester.makepyfile("def test_other():\n    pass\n")
    result = project("--engine-parity")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--engine-parity collected no recording: recordings/[*].jsonl*"])


def test_without_engines_the_setting_is_named(
    project: Project, keep, fitting, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(fitting())
    pytester.makeini("[pytest]\n")
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(pytester.makepyprojecttoml("[tool.netra-migration]\n")))
    result = project("--engine-parity")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*needs the import string*engine_parity_engines*"])


def test_engines_that_cannot_be_imported_fail_with_their_name(project: Project, keep, fitting, pytester: pytest.Pytester) -> None:
    keep(fitting(said="hello"))
    pytester.makeini(
        "[pytest]\nengine_parity_engines = nowhere:build\nengine_parity_recordings = recordings/*.jsonl\nengine_parity_ledger = ledger\n"
    )
    result = project("--engine-parity")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'nowhere:build' cannot be imported*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_ledger_that_does_not_parse_fails_with_its_own_message(project: Project, keep, fitting, pytester: pytest.Pytester) -> None:
    keep(fitting(said="hello"))
    (pytester.path / "ledger").mkdir()
    (pytester.path / "ledger" / "chat.toml").write_text("not toml")
    result = project("--engine-parity")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ledger/chat.toml*"])


def test_equal_ids_give_items_of_different_names(project: Project, keep, fitting) -> None:
    keep(fitting(said="hello"), fitting(said="thanks"))
    result = project("--engine-parity", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["recordings/runs.jsonl::r-81724", "recordings/runs.jsonl::r-81724-2"])


def test_the_plugin_is_found_by_name_and_costs_nothing_unless_it_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\n\n\ndef test_light(pytestconfig):\n"
        "    assert pytestconfig.getoption('engine_parity') is False\n"
        "    assert [name for name in sys.modules if name.startswith('migration.')] == ['migration.fronts', 'migration.pytest_plugin']\n"
    )
    others = ["langsmith_plugin", "schemathesis", "anyio", "hypothesispytest"]  # plugins that happen to be installed here, and take seconds
    pytester.runpytest_subprocess("-p", "no:cacheprovider", *(f"-pno:{name}" for name in others)).assert_outcomes(passed=1)


def test_a_project_that_cannot_be_read_is_wrong_use(project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(pytester.makepyprojecttoml("[tool.netra-migration]\nlegder = 1\n")))
    result = project("--engine-parity")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *pyproject.toml:2: *legder*"])
