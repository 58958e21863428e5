"""A ramp says by line what is wrong with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from migration.errors import ConfigurationError
from migration.model import Stage
from migration.rollout.gate_rules import GateRules
from migration.rollout.ramp_file import DEFAULT_RAMP, read_ramp

DUALWRITE = '[[step]]\nstage = "dualwrite"\npercent = 100\n'


def ramp(tmp_path, text):
    file = tmp_path / "ramp.toml"
    file.write_text(text)
    return read_ramp(file)


def test_the_ramp_that_ships_leads_from_the_first_stage_to_the_last():
    steps = read_ramp(DEFAULT_RAMP).steps
    assert list(dict.fromkeys(step.stage for step in steps)) == [stage for stage in Stage if stage is not Stage.OFF]
    assert steps[-2].gate.approvals == 2


def test_a_step_has_what_the_ramp_asks_but_for_what_it_says_itself(tmp_path):
    found = ramp(
        tmp_path,
        '[gate]\nmost-divergent = "0.5 %"\nsoak = "30 min"\n'
        + DUALWRITE
        + '[[step]]\nstage = "shadow"\ncohort = "pilots"\ngate.soak = "2 d"\ngate.claim = "tenants like these"\n'
        + 'gate.least-tenants = 2\n[cohorts]\npilots = ["acme", "globex"]\n',
    )
    assert [(step.name, step.gate.most_divergent, step.gate.soak_s) for step in found.steps] == [
        ("dualwrite 100 %", 0.005, 1800.0),
        ("shadow pilots", 0.005, 172800.0),
    ]
    assert (found.steps[1].gate.claim, found.steps[1].tenants) == ("tenants like these", ("acme", "globex"))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "has no step"),
        ("[[step]", 1, "repair the TOML"),
        ("[gate]\nmost-divergentt = 1\n" + DUALWRITE, 2, "unknown field `most-divergentt`"),
        ("[gate]\nmost-divergent = 2\n" + DUALWRITE, 2, "Expected `str`"),
        ('[gate]\nmost-divergent = "2"\n' + DUALWRITE, 2, 'write a share above 0 and at most 99.9 %, such as "2 %"'),
        ('[gate]\nalpha = "60 %"\n' + DUALWRITE, 2, "at most 50 %"),
        ('[gate]\nsoak = "1 fortnight"\n' + DUALWRITE, 2, 'write a time such as "30 min"'),
        ('[gate]\nbetween = "16:00-09:00"\n' + DUALWRITE, 2, "hours of one day"),
        ('[gate]\ntime-zone = "Middle/Earth"\n' + DUALWRITE, 2, "Europe/Berlin"),
        ('[gate]\nnot-on = ["fryday"]\n' + DUALWRITE, 2, "fryday"),
        ("[gate]\napprovals = -1\n" + DUALWRITE, 2, "0 or more"),
        ("[gate]\nleast-comparisons = 0\n" + DUALWRITE, 2, "1 or more"),
        (DUALWRITE + '[[step]]\nstage = "shadow"\n', 4, "either a percent or a cohort"),
        (DUALWRITE + '[[step]]\nstage = "shadow"\npercent = 120\n', 6, "at most 100"),
        (DUALWRITE + '[[step]]\nstage = "shadow"\ncohort = "pilots"\n', 6, "list its tenants in [cohorts]"),
        (DUALWRITE + "[cohorts]\npilots = []\n", 5, "needs ids of tenants"),
        (
            DUALWRITE + '[[step]]\nstage = "shadow"\ncohort = "pilots"\n[cohorts]\npilots = ["acme"]\n',
            4,
            "has 1 tenants, and its gate needs 5; set gate.least-tenants",
        ),
        (
            2 * '[[step]]\nstage = "dualwrite"\ncohort = "pilots"\n' + '[cohorts]\npilots = ["acme"]\n',
            4,
            "the cohort is at dualwrite already",
        ),
        (DUALWRITE + '[[step]]\nstage = "live"\npercent = 5\n', 4, "skips a stage; go to shadow first"),
        (DUALWRITE + '[[step]]\nstage = "off"\npercent = 100\n', 4, "a ramp leads forwards"),
        (
            DUALWRITE + '[[step]]\nstage = "shadow"\npercent = 10\n[[step]]\nstage = "live"\npercent = 5\n',
            7,
            "before everybody is at shadow",
        ),
        (DUALWRITE + '[[step]]\nstage = "shadow"\npercent = 10\n[[step]]\nstage = "shadow"\npercent = 5\n', 7, "rises from step to step"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, line, said):
    with pytest.raises(ConfigurationError, match=f"ramp.toml:{line}: " if line else "ramp.toml: ") as error:
        ramp(tmp_path, text)
    assert said in str(error.value)


def test_the_page_names_what_a_gate_asks():
    written = (Path(__file__).parents[4] / "docs" / "migration" / "ramp.md").read_text()
    assert [name for name in GateRules.__struct_encode_fields__ if f"`{name}`" not in written] == []


def test_a_window_is_that_of_its_time_zone(tmp_path):
    text = '[gate]\nnot-on = ["friday"]\nbetween = "09:00-16:00"\ntime-zone = "Asia/Tokyo"\n'
    gate = ramp(tmp_path, text + DUALWRITE).steps[0].gate
    assert gate.closed(datetime(2026, 12, 3, 2, tzinfo=UTC)) is None  # Thursday, 11:00 in Tokyo
    assert gate.closed(datetime(2026, 12, 3, 8, tzinfo=UTC)) == "only between 09:00 and 16:00 Asia/Tokyo"
    assert gate.closed(datetime(2026, 12, 3, 16, tzinfo=UTC)) == "not on a friday"
