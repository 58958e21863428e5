"""Fuzzed lines: whatever stands in a line, it is a run, a skip or a bad line, and costs no other. Nightly: a million of them."""

import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from migration.recordings import BadLine, read

MADE = Path(__file__).parents[3] / "migration" / "fixtures" / "recordings"


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"recordings_{name}", MADE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutate, independent = load("mutate"), load("independent")


def seeds(*names: str) -> list[Any]:
    return [json.loads(line) for name in names for line in (MADE / "samples" / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_lines_of_the_chat_format_come_to_what_an_independent_reader_says(tmp_path, seed):
    lines = [line for line in mutate.lines(seeds("openai-chat"), seed, 1500) if line.startswith(b"{") and line != b"{"]
    (tmp_path / "file.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    found = [(0, 0)] * len(lines)
    for one in read(tmp_path / "file.jsonl"):
        parts, bad = found[one.line - 1]
        found[one.line - 1] = (parts, bad + 1) if isinstance(one, BadLine) else (parts + 1, bad)
    wrong = {line: (ours, theirs) for line, ours in zip(lines, found, strict=True) if ours != (theirs := independent.judged(line))}
    assert wrong == {}


@pytest.mark.parametrize("seed", range(3))
def test_no_fuzzed_line_of_any_format_costs_another_or_meets_the_net_below_the_formats(tmp_path, seed):
    names = [path.stem for path in (MADE / "samples").glob("*.jsonl")]
    lines = list(mutate.lines(seeds(*names), seed, 600))
    alone: list[Counter[str]] = []
    for line in lines:
        (tmp_path / "line.jsonl").write_bytes(b'{"messages": []}\n' + line)
        _, *found = read(tmp_path / "line.jsonl")
        assert found, line[:200]
        assert not [one for one in found if isinstance(one, BadLine) and "of a form that is not read" in one.reason], line
        alone.append(Counter(type(one).__name__ for one in found))
    (tmp_path / "file.jsonl").write_bytes(b'{"messages": []}\n' + b"".join(line + b"\n" for line in lines))
    together: dict[int, Counter[str]] = {}
    for one in read(tmp_path / "file.jsonl"):
        together.setdefault(one.line, Counter())[type(one).__name__] += 1
    for number, counts in enumerate(alone, start=2):
        assert together.get(number, Counter()) == counts, lines[number - 2][:200]
