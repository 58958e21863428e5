"""Recordings as other people's tools leave them, through `netra-migration replay` with both real engines: each gets its right value."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CASES = ROOT.parent / "shared" / "cases" / "replay"
MIGRATION = Path(sys.executable).with_name("netra-migration")

Replay = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def run(*arguments: Any, stdin: bytes | None = None, cwd: Path = ROOT, **given: str) -> subprocess.CompletedProcess[bytes]:
        environment = {"NETRA_MIGRATION_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"} | given
        return subprocess.run([MIGRATION, *arguments], capture_output=True, timeout=120, check=False, cwd=cwd, env=environment, input=stdin)

    return run


@pytest.fixture
def replay(command: Callable[..., subprocess.CompletedProcess[bytes]]) -> Replay:
    """Replays with --json; returns the exit code, the document and what was said beside it."""

    def run(*arguments: Any, **options: Any) -> tuple[int, dict[str, Any], str]:
        done = command("replay", *arguments, "--json", **options)
        assert b"Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr.decode()

    return run


def counts(report: Mapping[str, Any]) -> dict[str, int]:
    return {verdict: count for verdict, count in report["verdicts"].items() if count}


#: case -> exit code, verdicts, lines that are skipped, lines that are bad
VALUES: dict[str, tuple[int, dict[str, int], list[int], list[int]]] = {
    "01-no-user-turn": (0, {"accepted": 2}, [2, 3], []),
    "03-nested-too-deep": (1, {"accepted": 2}, [], [2, 3]),
    "04-store-keeps-another-verdict": (1, {"accepted": 3, "inconclusive": 1}, [], []),
    "05-sdk-dump-with-nulls": (0, {"accepted": 2}, [], []),
    "06-no-id": (0, {"accepted": 2}, [], []),
    "07-ids-that-the-backend-refuses": (0, {"accepted": 8}, [], []),
    "08-content-parts": (0, {"accepted": 4}, [2, 3], []),
    "10-legacy-function-call": (0, {"accepted": 1}, [1], []),
    "11-refusal": (0, {"accepted": 1}, [], []),
    "12-arguments-as-the-model-wrote-them": (0, {"accepted": 4}, [], []),
    "14-answer-elsewhere": (0, {"accepted": 1}, [], []),
    "15-one-json-document": (0, {"accepted": 1}, [], []),
    "16-byte-order-mark": (0, {"accepted": 1}, [], []),
    "18-same-id-twice": (0, {"accepted": 2}, [], []),
}


#: One process replays all that it is given, each with a home of its own: starting takes as long as replaying.
EVERY_ONE = """
import json, os, sys
from typer.testing import CliRunner
from migration.cli.app import app

for home, *arguments in json.loads(sys.argv[1]):
    os.environ["NETRA_MIGRATION_HOME"] = home
    done = CliRunner().invoke(app, ["replay", *arguments, "--json"])
    print(json.dumps([done.exit_code, json.loads(done.stdout or "{}"), done.stderr]))
"""
Replayed = tuple[int, dict[str, Any], str]


@pytest.fixture(scope="module")
def replay_each(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Iterable[Sequence[object]]], list[Replayed]]:
    """Replays with each of these arguments; returns the exit code, the document and what was said beside it of each."""

    def run(each: Iterable[Sequence[object]]) -> list[Replayed]:
        given = json.dumps([[str(word) for word in (tmp_path_factory.mktemp("home"), *arguments)] for arguments in each])
        command = [sys.executable, "-c", EVERY_ONE, given]
        environment = {"PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True, cwd=ROOT, env=environment)
        return [(code, document, said) for code, document, said in map(json.loads, done.stdout.splitlines())]

    return run


@pytest.fixture(scope="module")
def replayed(replay_each) -> dict[str, Replayed]:
    """Exit code, document and what was said beside it, by case."""
    cases = [case for case in VALUES if (CASES / case / "input.jsonl").exists()]
    return dict(zip(cases, replay_each([CASES / case / "input.jsonl", "--store"] for case in cases), strict=True))


@pytest.mark.parametrize("case", VALUES)
def test_each_case_gets_its_right_value(replayed, case):
    if case not in replayed:
        pytest.skip("the cases are not next to this checkout (../shared/cases)")
    code, report, said = replayed[case]
    bad, skipped = report["bad_lines"], report["skipped"]
    assert (code, counts(report), [one["line"] for one in skipped], [one["line"] for one in bad]) == VALUES[case], said
    assert report["divergences"] == [] or all(found["verdict"] == "accepted" for found in report["divergences"])
    assert all("control does not reproduce the recording: " in one["reason"] for one in report["inconclusive"])
    assert report["evidence"] == {"stored": report["runs"], "known": 0, "failed": 0}


def test_the_evidence_holds_what_is_reported(replay, command, tmp_path):
    answers = ({"role": "assistant", "content": "Twelve."}, {"role": "assistant", "content": "Anything else?"})
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"messages": [{"role": "user", "content": "p"}, *answers[:end]]}) + "\n" for end in (1, 2))
    )
    _, report, _ = replay(tmp_path / "a.jsonl", "--store")
    assert counts(report) == {"accepted": 1, "inconclusive": 1}
    [chat] = [one for one in json.loads(command("status", "--json").stdout)["surfaces"] if one["surface"] == "chat"]
    assert {verdict: count for verdict, count in chat["verdicts"].items() if count} == counts(report)


#: options -> what is said
WRONG = {
    ("--agent", "nobody"): "no agent of chat is called nobody; use one of: supervisor, triage, data",
    ("--surface", "tools"): "conversations cannot run on tools",
    ("--surface", "nowhere"): "unknown surface 'nowhere'",
}


def test_a_wrong_agent_or_surface_is_wrong_use(replay_each, tmp_path):
    (tmp_path / "one.jsonl").write_text(GOOD)
    for (code, report, said), expected in zip(replay_each([tmp_path / "one.jsonl", *each] for each in WRONG), WRONG.values(), strict=True):
        assert (code, report) == (2, {})
        assert expected in said


def test_what_the_sdks_of_others_recorded_replays_with_every_verdict_explained(replay):
    code, report, said = replay(ROOT / "tests" / "migration" / "fixtures" / "recordings" / "samples")
    assert (code, report["bad_lines"], report["inconclusive"]) == (0, [], []), said
    assert counts(report) == {"accepted": report["runs"]}
    assert report["runs"] >= 40
    assert report["effects"]["replayed"] == 2 * report["effects"]["recorded"]


GOOD = '{"messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "12"}]}\n'


def test_files_folders_and_standard_input_go_through_together(replay, tmp_path):
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    (tmp_path / "in" / "a.jsonl").write_text(GOOD)
    (tmp_path / "in" / "deeper" / "b.json").write_text(GOOD)
    (tmp_path / "in" / "c.jsonl").write_bytes(b"PAR1\0\0\0\0")
    (tmp_path / "d.txt").write_text(GOOD)
    code, report, said = replay(tmp_path / "in", tmp_path / "d.txt", "-", stdin=GOOD.encode("utf-16"))
    assert (code, report["runs"]) == (1, 4)
    [bad] = report["bad_lines"]
    assert "a Parquet file" in bad["reason"]
    assert bad["file"].endswith("c.jsonl")
    assert "a Parquet file" in said


def test_a_pipe_is_read(replay, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(GOOD,))
    writer.start()
    code, report, _ = replay(pipe)
    writer.join()
    assert (code, report["runs"]) == (0, 1)


#: content of a file -> why it has no run
RUNLESS = {
    "": "it is empty",
    '{"messages": [{"role": "user", "content": "p"}]}': "turn 1 is not answered",
    "nothing": "not a JSON object",
}


@pytest.mark.parametrize("beside", [(), ("good.jsonl",)], ids=["alone", "beside a good file"])
def test_where_there_is_no_run_nothing_passes_and_the_reason_is_said(replay_each, tmp_path, beside):
    (tmp_path / "good.jsonl").write_text(GOOD)
    files = [tmp_path / f"{number}.jsonl" for number in range(len(RUNLESS))]
    for file, content in zip(files, RUNLESS, strict=True):
        file.write_text(content)
    each = replay_each([*(tmp_path / name for name in beside), file] for file in files)
    for (code, report, said), file, why in zip(each, files, RUNLESS.values(), strict=True):
        assert code == 1
        [reason] = report["empty"]
        assert f"no run in {file}: {why}" in reason
        assert reason in said


def test_nothing_on_standard_input_is_no_pass(replay):
    code, report, said = replay("-", stdin=b"")
    assert (code, report["empty"]) == (1, ["no run in standard input: it is empty"])
    assert "no run in standard input: it is empty" in said


def test_where_there_is_no_ledger_it_is_said(replay, tmp_path):
    (tmp_path / "good.jsonl").write_text(GOOD)
    code, report, said = replay(tmp_path / "good.jsonl", NETRA_MIGRATION_LEDGER_DIR=str(tmp_path / "ledger"))
    assert (code, report["ledger"], counts(report)) == (1, None, {"divergent": 1})
    assert f"there is no ledger folder {tmp_path / 'ledger'}" in said
