"""A fault of the candidate becomes a short test that fails with it and passes without, beside all that the ledger accepts of control."""

from pathlib import Path

import pytest

from tests.integration.planted_faults import FAULTS, LEDGERS, median_lines, write_test

FEW = ("drops a thought", "starts twice", "gives another answer", "fails", "stamps no time")


@pytest.fixture(autouse=True)
def shipped_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_MIGRATION_LEDGER_DIR", str(LEDGERS))


def test_a_test_written_for_a_fault_is_red_with_it_and_green_without_and_short(tmp_path: Path) -> None:
    written = [write_test(fault, tmp_path) for fault in FEW]

    assert [(one.fault, one.red, one.green) for one in written] == [(fault, True, True) for fault in FEW]
    assert median_lines(written) <= 60


def test_the_table_of_faults_is_as_large_as_it_claims_to_be() -> None:
    assert len(FAULTS) == 20
