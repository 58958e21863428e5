"""`netra-migration replay` as a process: the interpreter-wide guard against contact with the outside cannot be taken out again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONVERSATION = {
    "id": "c-1",
    "messages": [
        {"role": "user", "content": "What does my plan cost?"},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "price", "arguments": '{"plan": 1}'}}]},
        {"role": "tool", "tool_call_id": "1", "name": "price", "content": "12"},
        {"role": "assistant", "content": "Twelve."},
    ],
}


@pytest.fixture
def replay(tmp_path):
    def run(*lines: str, options: tuple[str, ...] = ()):
        file = tmp_path / "file.jsonl"
        file.write_text("\n".join(lines))
        return subprocess.run(
            [Path(sys.executable).with_name("netra-migration"), "replay", file, "--json", *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
            env={"NETRA_MIGRATION_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )

    return run


# goes with: chat
def test_a_good_file_exits_with_0_and_prints_one_document(replay):
    done = replay(json.dumps(CONVERSATION))
    report = json.loads(done.stdout)
    assert (done.returncode, report["runs"], report["verdicts"]["accepted"]) == (0, 1, 1)
    assert report["effects"] == {"recorded": 3, "replayed": 6, "performed_by_shadow": 0}


def test_lines_that_cannot_be_read_are_named_counted_and_a_finding_while_the_rest_goes_on(replay):
    done = replay(json.dumps(CONVERSATION), '{"id": "half', json.dumps(CONVERSATION | {"id": "c-2"}))
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["runs"] == 2
    assert [bad["line"] for bad in report["bad_lines"]] == [2]
    assert ":2: not a JSON object" in done.stderr


# stays
def test_a_file_that_is_not_there_is_wrong_use(tmp_path):
    done = subprocess.run(
        [Path(sys.executable).with_name("netra-migration"), "replay", tmp_path / "gone.jsonl"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "gone.jsonl: No such file" in done.stderr


# goes with: chat
@pytest.mark.parametrize(("fail_on", "code"), [("divergent", 0), ("inconclusive", 0), ("accepted", 1)])
def test_a_replay_is_as_strict_as_it_is_told(replay, fail_on, code):
    assert replay(json.dumps(CONVERSATION), options=("--fail-on", fail_on)).returncode == code


def test_an_explained_replay_names_every_rule_of_the_policy(replay):
    report = json.loads(replay(json.dumps(CONVERSATION), options=("--explain",)).stdout)
    fields = {rule["rule"]: rule["fields"] for rule in report["explained"]["chat"]}
    assert fields["timestamps"]["tool_completed: timestamp"] == 1
    assert fields["support-codes"] == {}


# stays
