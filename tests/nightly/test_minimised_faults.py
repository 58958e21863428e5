"""Twenty faults of the candidate, each made a test of its own: red with the fault, green without, and short."""

from pathlib import Path

import pytest

from tests.integration.planted_faults import FAULTS, LEDGERS, median_lines, write_test


@pytest.mark.timeout(1200)
def test_every_fault_becomes_a_short_test_that_is_red_with_it_and_green_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_MIGRATION_LEDGER_DIR", str(LEDGERS))
    written = [write_test(fault, tmp_path) for fault in FAULTS]
    told = "\n".join(f"{one.lines:4} lines, red {one.red}, green {one.green}: {one.fault}" for one in written)
    print(f"{told}\nmedian: {median_lines(written):g} lines")  # noqa: T201 - the figure is what the long version is for

    assert [one.fault for one in written if not (one.red and one.green)] == [], told
    assert median_lines(written) <= 60, told
