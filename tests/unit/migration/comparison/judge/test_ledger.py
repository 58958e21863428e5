"""The ledger accepts what it names, for as long as it says, and never another tenant's data."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from migration.comparison import load_ledger, parse_ledger
from migration.errors import LedgerError
from migration.model import Divergence, Verdict

TODAY = date(2026, 7, 1)
GOOD = """
[[accepted]]
id = "one"
fingerprint = "0123456789ab"
reason = "known"
owner = "chat"
expires = 2026-07-01
"""


def divergence(**changes: Any) -> Divergence:
    return Divergence(
        **{
            "kind": "payload",
            "severity": "contract",
            "fingerprint": "0123456789ab",
            "lane": "data/usage_summary#2",
            "path": "tool_completed.payload.items[3].name",
            "control": "1",
            "candidate": "2",
            "sentence": "It differs.",
            **changes,
        }
    )


def pattern(written: str) -> str:
    return GOOD.replace('fingerprint = "0123456789ab"', f"pattern = {{ {written} }}")


def test_a_fingerprint_is_accepted_up_to_and_on_its_last_day() -> None:
    judged = parse_ledger(GOOD, "chat.toml").judge(divergence(), TODAY)

    assert (judged.verdict, judged.accepted_by) == (Verdict.ACCEPTED, "one")


def test_an_expired_entry_accepts_nothing_and_is_listed() -> None:
    ledger = parse_ledger(GOOD, "chat.toml")
    tomorrow = date(2026, 7, 2)

    assert ledger.judge(divergence(), tomorrow).verdict is Verdict.DIVERGENT
    assert [entry.id for entry in ledger.expired(tomorrow)] == ["one"]


def test_a_permanent_entry_accepts_for_good_and_never_expires() -> None:
    ledger = parse_ledger(GOOD.replace("expires = 2026-07-01", "permanent = true"), "chat.toml")
    far = date(2199, 1, 1)

    assert ledger.judge(divergence(), far).accepted_by == "one"
    assert ledger.expired(far) == ()


@pytest.mark.parametrize("breach", [{"severity": "security"}, {"kind": "isolation_breach"}])
def test_a_permanent_entry_accepts_no_matter_of_security_either(breach: dict[str, Any]) -> None:
    ledger = parse_ledger(GOOD.replace("expires = 2026-07-01", "permanent = true"), "chat.toml")

    assert ledger.judge(divergence(**breach), TODAY).verdict is Verdict.DIVERGENT


def test_an_entry_behind_an_expired_one_may_accept() -> None:
    later = GOOD.replace('"one"', '"two"').replace("2026-07-01", "2027-01-01")

    assert parse_ledger(GOOD + later, "chat.toml").judge(divergence(), date(2026, 8, 1)).accepted_by == "two"


AT_MOST_TWO = GOOD + "at_most = 2\n"


@pytest.mark.parametrize(("occurrences", "verdict"), [(1, "accepted"), (2, "accepted"), (3, "divergent")])
def test_no_more_is_accepted_of_one_comparison_than_the_entry_says(occurrences: int, verdict: str) -> None:
    assert parse_ledger(AT_MOST_TWO, "chat.toml").judge(divergence(occurrences=occurrences), TODAY).verdict == verdict


def test_what_exceeds_an_entry_says_so_and_what_does_not_says_nothing() -> None:
    ledger = parse_ledger(AT_MOST_TWO, "chat.toml")

    assert (
        ledger.judge(divergence(occurrences=3), TODAY).note == "It does so 3 times in this run, and 'one' of the ledger accepts it twice."
    )
    assert ledger.judge(divergence(occurrences=2), TODAY).note == ""


def test_an_entry_that_allows_more_may_accept_what_exceeds_another() -> None:
    wider = AT_MOST_TWO.replace('"one"', '"wider"').replace("at_most = 2", "at_most = 9")

    judged = parse_ledger(AT_MOST_TWO + wider, "chat.toml").judge(divergence(occurrences=3), TODAY)

    assert (judged.accepted_by, judged.note) == ("wider", "")


def test_an_expired_entry_does_not_say_what_it_would_have_allowed() -> None:
    assert parse_ledger(AT_MOST_TWO, "chat.toml").judge(divergence(occurrences=3), date(2026, 8, 1)).note == ""


@pytest.mark.parametrize(
    "written",
    [
        'kind = "payload"',
        'kind = "pay*"',
        'path = "tool_completed.payload.**"',
        'path = "tool_completed.payload.items.[].name"',
        'path = "tool_completed.payload.items[].name"',
        'path = "*.payload.items.*.name", lane = "data/*", severity = "contract"',
    ],
)
def test_a_pattern_accepts_what_fits_all_its_parts(written: str) -> None:
    assert parse_ledger(pattern(written), "chat.toml").judge(divergence(), TODAY).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    "written",
    ['kind = "error"', 'kind = "payload", lane = "data"', 'path = "tool_completed.payload.*"', 'kind = "payload", severity = "cosmetic"'],
)
def test_a_pattern_leaves_what_does_not_fit(written: str) -> None:
    assert parse_ledger(pattern(written), "chat.toml").judge(divergence(), TODAY).verdict is Verdict.DIVERGENT


@pytest.mark.parametrize("changes", [{"severity": "security"}, {"kind": "isolation_breach"}])
@pytest.mark.parametrize("text", [GOOD, pattern('kind = "*", path = "tool_completed.**"')])
def test_another_tenants_data_is_never_accepted(changes: dict[str, str], text: str) -> None:
    assert parse_ledger(text, "chat.toml").judge(divergence(**changes), TODAY).verdict is Verdict.DIVERGENT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace('owner = "chat"\n', ""), "chat.toml, line 2, entry 1: Object missing required field `owner`"),
        (GOOD.replace('reason = "known"\n', ""), "missing required field `reason`"),
        (GOOD.replace("expires = 2026-07-01\n", ""), "either `expires`"),
        (GOOD + "permanent = true\n", "either `expires`"),
        (GOOD.replace("expires = 2026-07-01", "permanent = false"), "either `expires`"),
        (GOOD.replace("expires = 2026-07-01", 'permanent = "yes"'), "permanent"),
        (pattern('severity = "security", path = "x"').replace("expires = 2026-07-01", "permanent = true"), "never accepted"),
        (GOOD + GOOD.replace('"one"', '"two"').replace('"chat"', '"  "'), "chat.toml, line 9, entry 2: `owner` is empty"),
        (GOOD.replace("2026-07-01", '"soon"'), "line 2, entry 1"),
        (GOOD.replace("0123456789ab", "0123"), "12 hex digits"),
        (GOOD.replace('fingerprint = "0123456789ab"', ""), "either `fingerprint` or `pattern`"),
        (GOOD + 'pattern = { kind = "payload" }\n', "either `fingerprint` or `pattern`"),
        (GOOD + GOOD, "line 9, entry 2: another entry is called 'one' too"),
        (pattern('kind = "*"'), "nearly everything"),
        (pattern('lane = "data"'), "nearly everything"),
        (pattern('kind = "isolation_breach"'), "never accepted"),
        (pattern('kind = "payload", severity = "security"'), "never accepted"),
        (GOOD + "comment = 1\n", "unknown field"),
        ("[[accepted]\n", "line 1"),
        (GOOD + "at_most = 0\n", "`at_most` is 0; it is 1 or more"),
        ('accepted = [{ id = "x" }]', "missing required field"),
    ],
)
def test_a_bad_entry_is_refused_and_the_message_says_where_and_why(text: str, told: str) -> None:
    with pytest.raises(LedgerError) as refused:
        parse_ledger(text, "chat.toml")

    assert told in str(refused.value)


def test_a_missing_file_accepts_nothing(tmp_path: Path) -> None:
    assert load_ledger(tmp_path / "chat.toml").entries == ()


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(LedgerError, match="cannot be read"):
        load_ledger(tmp_path / "chat.toml")


def test_an_empty_file_is_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "chat.toml").write_text("")

    assert load_ledger(tmp_path / "chat.toml").entries == ()
