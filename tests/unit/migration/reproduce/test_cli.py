"""`divergences minimise`, `evidence export` and `evidence prune`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from migration.cli.app import app
from migration.evidence import EvidenceStore
from migration.model import Origin, RunRecord, Stage
from migration.recordings import RecordedRun, read, write_line
from migration.reproduce import BothEngines
from migration.settings import MigrationSettings
from migration.shadow.job import ShadowJob

Planted = Any
MakeRun = Callable[..., RecordedRun]
Run = Callable[..., Result]
OPEN = '["acme-shop"]'


@pytest.fixture
def run(tmp_path: Path, planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRA_MIGRATION_ENGINES", planted.engines)
    monkeypatch.setenv("NETRA_MIGRATION_PLAINTEXT_TENANTS", OPEN)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def store_it(both: BothEngines, make_run: MakeRun, run: Run) -> Callable[[], str]:
    """Stores one divergent run as a worker would, and returns the divergence's fingerprint."""

    def store() -> str:
        fitted = both.fitted(make_run())
        assert fitted is not None
        compared = both.compare(fitted)
        assert compared.control is not None
        assert compared.candidate is not None
        served: RunRecord = msgspec.structs.replace(compared.control, request=fitted.request)
        job = ShadowJob(record=served, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1)
        evidence = EvidenceStore.for_writing(MigrationSettings(), record=write_line)
        evidence.store(job, compared.candidate, compared.comparison)
        evidence.close()
        return compared.comparison.divergences[0].fingerprint

    return store


def test_minimise_writes_a_test_from_what_is_kept_as_evidence(run: Run, store_it: Callable[[], str], tmp_path: Path) -> None:
    fingerprint = store_it()
    result = run("divergences", "minimise", fingerprint, "--out", "tests/test_lost.py", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["fingerprint"], told["kind"], told["complete"], told["test"]) == (fingerprint, "missing_event", True, None)
    assert told["bytes_after"] < told["bytes_before"] / 5
    assert f'fingerprint="{fingerprint}"' in (tmp_path / "tests" / "test_lost.py").read_text()


def test_minimise_prints_the_test_of_a_recording_of_ones_own(run: Run, both: BothEngines, make_run: MakeRun, tmp_path: Path) -> None:
    fitted = both.fitted(make_run())
    assert fitted is not None
    (divergence,) = both.compare(fitted).comparison.divergences
    (tmp_path / "own.jsonl").write_bytes(b"not JSON\n" + write_line(make_run(said="nothing")) + write_line(make_run()))
    result = run("divergences", "minimise", divergence.fingerprint, "--recording", "own.jsonl")
    assert result.exit_code == 0, result.stderr
    compile(result.stdout, "test_x.py", "exec")
    assert "own.jsonl:1: not a JSON object" in result.stderr


@pytest.mark.parametrize(("content", "why"), [("", "it is empty"), ('{"messages": []}', "the conversation has no user turn")])
def test_a_file_without_a_run_is_named_as_that(run: Run, tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "own.jsonl").write_text(content)
    result = run("divergences", "minimise", "0f3a9c2b71de", "--recording", "own.jsonl")
    assert result.exit_code == 1
    assert f"no run in own.jsonl: {why}" in result.stderr


def test_a_divergence_that_no_recording_shows_any_more_is_a_finding(run: Run, store_it: Callable[[], str], planted: Planted) -> None:
    fingerprint = store_it()
    planted.plant("False")
    result = run("divergences", "minimise", fingerprint)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"no recording shows {fingerprint} any more" in result.stderr


def test_where_tenants_do_not_allow_it_minimise_says_why_there_is_no_recording_and_what_to_do(
    run: Run, store_it: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRA_MIGRATION_PLAINTEXT_TENANTS", '["another"]')
    result = run("divergences", "minimise", store_it())
    assert result.exit_code == 2
    assert "NETRA_MIGRATION_PLAINTEXT_TENANTS (now: another)" in result.stderr
    assert "--recording" in result.stderr


def test_where_recordings_are_switched_off_minimise_names_the_setting(
    run: Run, store_it: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRA_MIGRATION_RECORDINGS_PER_DIVERGENCE", "0")
    result = run("divergences", "minimise", store_it())
    assert result.exit_code == 2
    assert "NETRA_MIGRATION_RECORDINGS_PER_DIVERGENCE is 0" in result.stderr


def test_an_unknown_fingerprint_is_wrong_use_and_the_known_ones_are_named(run: Run, store_it: Callable[[], str]) -> None:
    known = store_it()
    result = run("divergences", "minimise", "0123456789ab")
    assert result.exit_code == 2
    assert known in result.stderr


def test_minimise_overwrites_nothing(run: Run, store_it: Callable[[], str], tmp_path: Path) -> None:
    fingerprint = store_it()
    (tmp_path / "test_mine.py").write_text("mine")
    result = run("divergences", "minimise", fingerprint, "--out", "test_mine.py")
    assert result.exit_code == 2
    assert (tmp_path / "test_mine.py").read_text() == "mine"


def test_a_search_that_was_cut_short_says_so(run: Run, store_it: Callable[[], str]) -> None:
    result = run("divergences", "minimise", store_it(), "--max-attempts", "5", "--json")
    assert json.loads(result.stdout)["complete"] is False
    assert "--max-attempts" in result.stderr


def test_an_export_is_a_file_of_recordings(run: Run, store_it: Callable[[], str], make_run: MakeRun, tmp_path: Path) -> None:
    result = run("evidence", "export", "--fingerprint", store_it())
    assert result.exit_code == 0
    (tmp_path / "out.jsonl").write_text(result.stdout)
    (recorded,) = read(tmp_path / "out.jsonl")
    assert isinstance(recorded, RecordedRun)
    assert recorded.request == make_run().request


def test_an_export_of_nothing_is_wrong_use(run: Run) -> None:
    result = run("evidence", "export", "--surface", "chat")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no recording is stored" in result.stderr


def test_prune_removes_what_is_older(run: Run, store_it: Callable[[], str]) -> None:
    store_it()
    assert json.loads(run("evidence", "prune", "--older-than", "1d", "--json").stdout) == {"removed": 0}
    evidence = EvidenceStore.for_writing(MigrationSettings())
    assert evidence.prune(older_than_s=-1) == 1
    assert evidence.recordings() == []
    evidence.close()


@pytest.mark.parametrize("age", ["30", "d", "0d", "-3d", "3 months", ""])
def test_prune_refuses_what_is_no_age(run: Run, age: str) -> None:
    result = run("evidence", "prune", f"--older-than={age}")
    assert result.exit_code == 2
    assert "is not an age" in result.stderr
