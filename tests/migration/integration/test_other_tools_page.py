"""docs/migration/other-tools.md: its code is run by all three tools, and what its table says beside timings is what is seen."""

import re
import sys

import pytest

from tests.benchmarks.callers import ratio
from tests.benchmarks.other_tools import FAULTS, PAGE, TOOLS, judged, markdown, running


@pytest.fixture
def _own_environment(monkeypatch):
    for name in ("PROJECT", "HOME", "NOISE_SAMPLING", "SHADOW_PRIORITY"):
        monkeypatch.setenv(f"NETRA_MIGRATION_{name}", "normal")  # `running` sets the others; all are as they were afterwards
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "pair"]:
        del sys.modules[name]


@pytest.mark.usefixtures("_own_environment")
async def test_what_the_page_says_beside_timings_is_what_the_tools_do():
    async with running() as pair:
        rows = markdown(await judged(pair)).splitlines()
    assert len(rows) > 4
    assert [row for row in rows if row not in PAGE.read_text().splitlines()] == []


def test_the_page_names_each_fault_and_gives_a_figure_of_each_tool():
    said = re.sub(r"\s+", " ", PAGE.read_text())
    assert [fault for fault in FAULTS if fault not in said.rpartition("The planted faults")[2]] == []
    assert all(f"| {tool} |" in said for tool in TOOLS)


def test_a_ratio_is_the_median_of_the_rounds_with_the_interval_of_order_statistics():
    found = ratio([float(number) for number in range(20, 0, -1)], [1.0] * 20)
    assert (found.middle, found.low, found.high) == (10.5, 6.0, 15.0)
