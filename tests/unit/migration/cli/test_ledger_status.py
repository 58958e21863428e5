"""An entry whose kind of divergence is found under another fingerprint now is named, with that fingerprint."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from migration.cli.ledger_status import ledger_status
from migration.evidence import DivergenceView
from migration.model import Verdict

TODAY = date(2026, 6, 1)
OLD, NEW = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


def view(fingerprint: str, first: float, last: float, **changes: Any) -> DivergenceView:
    plain: dict[str, Any] = {
        "surface": "chat",
        "kind": "contract_violation",
        "severity": "contract",
        "lane": "data",
        "path": "agent_started",
        "sentence": "Candidate breaks the event contract for `data`.",
        "count": 1,
        "verdict": Verdict.DIVERGENT,
        "accepted_by": None,
    }
    return DivergenceView(fingerprint=fingerprint, first_seen_at=first, last_seen_at=last, **(plain | changes))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "chat.toml"
    path.write_text(f'[[accepted]]\nid = "old"\nfingerprint = "{OLD}"\nreason = "r"\nowner = "o"\npermanent = true\n', encoding="utf-8")
    return path


def test_an_accepted_fingerprint_that_was_replaced_is_named_with_the_new_one(ledger: Path) -> None:
    status = ledger_status(ledger, [view(OLD, 1.0, 2.0), view(NEW, 3.0, 4.0)], TODAY)

    assert status.renamed == {"old": NEW}
    assert [remark for remark in status.remarks() if "matches nothing any more" in remark and NEW in remark]


@pytest.mark.parametrize(
    "other", [view(NEW, 1.5, 4.0), view(NEW, 3.0, 4.0, path="agent_completed"), view(NEW, 3.0, 4.0, lane="triage")], ids=str
)
def test_another_kind_or_one_that_was_found_beside_it_replaces_nothing(ledger: Path, other: DivergenceView) -> None:
    assert ledger_status(ledger, [view(OLD, 1.0, 2.0), other], TODAY).renamed == {}


def test_without_the_old_kind_in_the_evidence_the_entry_is_stale(ledger: Path) -> None:
    status = ledger_status(ledger, [view(NEW, 3.0, 4.0)], TODAY)

    assert (status.stale, status.renamed) == (["old"], {})
