"""Recordings in full: a million fuzzed lines, 20,000 of them through both engines, 600 conversations of six SDKs, a gigabyte."""

import importlib.util
import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migration.recordings import BadLine, read

ROOT = Path(__file__).parents[2]
MADE = ROOT / "tests" / "migration" / "fixtures" / "recordings"
LINES, REPLAYED, CHUNK, CONVERSATIONS = 1_000_000, 20_000, 20_000, 100
FORMATS = ("openai-chat", "openai-responses", "anthropic-messages", "litellm-log", "inspect-log", "openinference")


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"recordings_{name}", MADE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


script, mutate, independent = load("script"), load("mutate"), load("independent")


def seeds(*names: str) -> list[Any]:
    return [json.loads(line) for name in names for line in (MADE / "samples" / f"{name}.jsonl").read_text().splitlines()]


def fuzzed(seed: int, count: int) -> Iterator[bytes]:
    """Lines that are none of those few which begin something over several lines."""
    lines = mutate.lines(seeds("openai-chat"), seed, count * 2)
    return itertools.islice((line for line in lines if line.startswith(b"{") and line != b"{"), count)


def told(*figures: object) -> None:
    """Show figures with `-s`."""
    sys.stdout.write(f"\n{' '.join(map(str, figures))}\n")


def replay(tmp_path: Path, *paths: Path, timeout_s: float = 1100) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("netra-migration"), "replay", *paths, "--json"],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=ROOT,
        env={"NETRA_MIGRATION_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_million_fuzzed_lines_come_to_what_an_independent_reader_says(tmp_path):
    read_lines = 0
    for seed in range(LINES // CHUNK):
        lines = list(fuzzed(seed, CHUNK))
        (tmp_path / "file.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        found = [[0, 0] for _ in lines]
        for one in read(tmp_path / "file.jsonl"):
            found[one.line - 1][isinstance(one, BadLine)] += 1
        wrong = [(line, ours) for line, ours in zip(lines, found, strict=True) if tuple(ours) != independent.judged(line)]
        assert wrong == [], f"seed {seed}"
        read_lines += len(lines)
    assert read_lines == LINES


def test_twenty_thousand_fuzzed_lines_go_through_both_engines(tmp_path):
    lines = list(fuzzed(4711, REPLAYED))
    (tmp_path / "file.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    _, report, _ = replay(tmp_path, tmp_path / "file.jsonl")
    judged = [independent.judged(line) for line in lines]
    assert report["bad_line_count"] == sum(bad for _, bad in judged)
    assert report["runs"] + report["skipped_count"] == sum(parts for parts, _ in judged)
    assert sum(report["verdicts"].values()) == report["runs"] > REPLAYED / 4
    assert all(len(one["reason"].removeprefix("control does not reproduce the recording: ")) > 20 for one in report["inconclusive"])
    assert report["verdicts"]["divergent"] == 0
    told({key: report[key] for key in ("runs", "verdicts", "skipped_count", "bad_line_count", "seconds")})


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with the SDKs, which are not among the project's own dependencies."""
    folder = tmp_path_factory.mktemp("sdks") / "venv"
    uv = Path(sys.executable).with_name("uv")
    for command in (
        ["venv", "-q", folder, "--python", sys.executable],
        ["pip", "install", "-q", "--python", folder / "bin" / "python", "-r", MADE / "requirements.txt"],
    ):
        done = subprocess.run([uv, *command], capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            pytest.skip(f"the SDKs cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "bin" / "python"


def test_six_hundred_conversations_of_six_sdks_replay_with_every_verdict_explained(environment, tmp_path):
    total = Counter()
    for name in FORMATS:
        folder = tmp_path / name
        folder.mkdir()
        made = [environment, "make.py", name, folder, "1000", str(CONVERSATIONS)]
        subprocess.run(made, cwd=MADE, check=True, timeout=600, capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
        code, report, said = replay(tmp_path, folder)
        talk = [
            turn for number in range(1000, 1000 + CONVERSATIONS) for turn in script.script(number, refusals=name != "anthropic-messages")
        ]
        assert (code, report["bad_lines"], report["inconclusive"]) == (0, [], []), said
        assert report["runs"] == len(talk), name
        assert {verdict: count for verdict, count in report["verdicts"].items() if count} == {"accepted": len(talk)}
        answers = Counter(one.answer for file in folder.iterdir() for one in read(file) if hasattr(one, "answer"))
        assert answers == Counter(turn.answer for turn in talk)
        total.update(conversations=CONVERSATIONS, runs=report["runs"])
        told(name, report["runs"], report["verdicts"])
    assert total["conversations"] >= 600


def gigabyte(file: Path, shape: str) -> tuple[int, int]:
    """Write a file of a gigabyte; return how many recordings it holds, and the bytes of each."""
    line = json.dumps({"messages": [{"role": "user", "content": "x" * 200_000}, {"role": "assistant", "content": "12"}]}).encode()
    count = 10**9 // len(line) + 1
    begin, between, end = (b"", b"\n", b"\n") if shape == "lines" else (b"[\n", b",\n", b"\n]\n")
    with file.open("wb") as out:
        out.write(begin)
        for number in range(count):
            out.write((between if number else b"") + line)
        out.write(end)
    return count, len(line)


def test_a_gigabyte_goes_through_both_engines_in_bounded_memory(tmp_path):
    file = tmp_path / "big.jsonl"
    count, line_bytes = gigabyte(file, "lines")
    measured = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=False); "
        "sys.stdout.buffer.write(done.stdout); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured, Path(sys.executable).with_name("netra-migration"), "replay", file, "--json"],
        capture_output=True,
        text=True,
        timeout=1100,
        check=False,
        cwd=ROOT,
        env={"NETRA_MIGRATION_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
    )
    file.unlink()
    report, peak_bytes = json.loads(done.stdout), int(done.stderr.splitlines()[-1])
    told({key: report[key] for key in ("runs", "verdicts", "skipped_count", "seconds")}, peak_bytes, line_bytes)
    assert report["runs"] + report["skipped_count"] == count
    assert report["bad_line_count"] == 0
    assert peak_bytes <= 3 * line_bytes + 150 * 2**20


@pytest.mark.parametrize("shape", ["lines", "list"])
def test_a_gigabyte_is_read_in_bounded_memory(tmp_path, shape):
    file = tmp_path / "big.json"
    count, line_bytes = gigabyte(file, shape)
    counted = (
        "import sys; from migration.recordings import RecordedRun, read; "
        "print(sum(isinstance(one, RecordedRun) for one in read(sys.argv[1]))); "
        # Not `ru_maxrss`: a process inherits that from the one that started it.
        "print(next(int(line.split()[1]) * 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", counted, file], capture_output=True, text=True, timeout=900, check=True, cwd=ROOT)
    file.unlink()
    runs, peak_bytes = map(int, done.stdout.split())
    told(shape, runs, peak_bytes)
    assert runs == count
    assert peak_bytes <= 3 * line_bytes + 150 * 2**20
