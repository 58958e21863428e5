"""Why a kind is judged as it is, where one command cannot easily bring it about."""

from datetime import date

from migration.cli.judgement import judgement
from migration.comparison.judge.ledger import Accepted, Ledger
from migration.evidence.views import DivergenceDetail, DivergenceView, NoiseView
from migration.model import Verdict

ENTRY = Accepted(id="twice", reason="Known.", owner="chat", expires=date(2099, 1, 1), fingerprint="a" * 12, at_most=2)


def detail(**most: int) -> DivergenceDetail:
    kind = DivergenceView(
        fingerprint="a" * 12,
        surface="chat",
        kind="missing_event",
        severity="contract",
        lane="data",
        path="agent_thinking",
        sentence="It is missing.",
        first_seen_at=0.0,
        last_seen_at=0.0,
        count=9,
        verdict=Verdict.DIVERGENT,
        accepted_by=None,
    )
    verdicts = {Verdict(verdict): times for verdict, times in most.items()}
    return DivergenceDetail(divergence=kind, verdicts=verdicts, most=verdicts, examples=[])


def reasons(**most: int) -> list[str]:
    return judgement(detail(**most), Ledger([ENTRY]), NoiseView(surface="chat", rounds=0, comparisons=0, hits=[])).reasons


def test_an_entry_that_allows_less_than_what_came_says_why_it_did_not_accept_it() -> None:
    assert reasons(divergent=3, accepted=2)[1:] == ["It occurred up to 3 times in one run, which is more than 'twice' accepts."]


def test_an_entry_that_allows_enough_says_no_more_than_that() -> None:
    assert reasons(accepted=2) == ["'twice' accepts it until 2099-01-01, at most 2 in a run (chat): Known."]
