"""`netra-migration divergences`: listing, showing and accepting."""

import json
import tomllib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from click.testing import Result
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.comparison import aligned_events, default_policy, load_ledger
from migration.comparison.compare import compare
from migration.comparison.judge.latency import Pairs, findings
from migration.evidence import EvidenceStore
from migration.model import Effect, Event, Origin, RunRecord, RunRequest, Stage
from migration.settings import MigrationSettings
from migration.shadow.counts import count_comparison
from migration.shadow.job import ShadowJob
from migration.telemetry.metrics import Metrics

Run = Callable[..., Result]
LATER = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
SAID = ("--reason", "Wording only.", "--owner", "chat-team")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_LEDGER_DIR", str(tmp_path / "ledger"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["divergences", *arguments])


def record(origin: Origin, run_id: str, *events: tuple[str, dict[str, Any]], tenant: str = "acme") -> RunRecord:
    request = RunRequest(surface="chat", tenant_id="acme", user_id="ada", thread_id="t", run_id=run_id, payload=b"{}", received_at=1.0)
    ids = {"tenant_id": tenant, "user_id": "ada", "thread_id": "t", "run_id": run_id, "agent_name": "data"}
    taped = tuple(
        Event(kind=kind, lane="data", payload=json.dumps(ids | {"type": kind, "payload": payload}).encode(), at_s=0.1 * place)
        for place, (kind, payload) in enumerate(events)
    )
    return RunRecord(request=request, origin=origin, events=taped, journal=(), outcome="completed", duration_s=1.0, trace_id=None)


@pytest.fixture
def fingerprints(tmp_path: Path) -> dict[str, str]:
    """Compare runs for real, store them, and return the fingerprints by kind."""
    started, completed = ("agent_started", {}), ("agent_completed", {"success": True, "final_answer": "Ada, switch to the small model"})
    whole = (started, completed)
    store = EvidenceStore.for_writing(MigrationSettings(home=tmp_path), align=aligned_events)
    pairs = [
        (record(Origin.CONTROL, "r1", *whole), record(Origin.CANDIDATE, "r1", started)),
        (record(Origin.CONTROL, "r2", *whole), record(Origin.CANDIDATE, "r2", *whole, tenant="globex")),
    ]
    found: dict[str, str] = {}
    for control, candidate in pairs:
        comparison = compare(control, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL)
        job = ShadowJob(record=control, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1)
        store.store(job, candidate, comparison)
        found |= {one.kind: one.fingerprint for one in comparison.divergences}
    store.close()
    return found


def test_without_evidence_nothing_is_listed_and_nothing_is_made(run: Run, tmp_path: Path) -> None:
    result = run("list", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"divergences": []})
    assert list(tmp_path.iterdir()) == []


def test_a_divergent_kind_in_the_list_is_a_finding(run: Run, fingerprints: dict[str, str]) -> None:
    result = run("list", "--kind", "missing_event", "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)["divergences"]
    assert (found["fingerprint"], found["kind"], found["verdict"], found["count"]) == (
        fingerprints["missing_event"],
        "missing_event",
        "divergent",
        1,
    )


@pytest.mark.usefixtures("fingerprints")
def test_a_list_without_a_divergent_kind_is_fine(run: Run) -> None:
    result = run("list", "--verdict", "accepted", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"divergences": []})


def test_the_list_fits_a_narrow_terminal_without_cutting_fingerprints(
    run: Run, fingerprints: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("list").stdout
    assert all(fingerprint in shown for fingerprint in fingerprints.values())
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.usefixtures("fingerprints")
def test_the_list_says_when_there_may_be_more(run: Run) -> None:
    assert "--limit shows more" in run("list", "--limit", "1").stderr


def test_show_puts_both_streams_side_by_side_without_what_anybody_said(run: Run, fingerprints: dict[str, str]) -> None:
    result = run("show", fingerprints["missing_event"])
    assert result.exit_code == 0
    assert "agent_started" in result.stdout
    assert "missing" in result.stdout
    assert "small model" not in result.stdout
    assert "str[30]#" in result.stdout


def test_show_as_json_is_one_document_with_the_excerpt(run: Run, fingerprints: dict[str, str]) -> None:
    document = json.loads(run("show", fingerprints["missing_event"], "--json").stdout)
    rows = document["examples"][0]["excerpt"]
    assert [row["mark"] for row in rows] == ["equal", "missing"]
    assert rows[1]["candidate"] is None


@pytest.mark.usefixtures("fingerprints")
def test_show_says_which_entry_accepts_it_and_until_when(run: Run, fingerprints: dict[str, str]) -> None:
    run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER, "--at-most", "1")
    result = run("show", fingerprints["missing_event"], "--json")
    [reason] = json.loads(result.stdout)["judgement"]["reasons"]
    assert reason.endswith(f"accepts it until {LATER}, at most 1 in a run (chat-team): Wording only.")
    assert "Wording only." in run("show", fingerprints["missing_event"]).stdout


def test_show_says_how_far_noise_explains_it(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    store = EvidenceStore.for_writing(MigrationSettings(home=tmp_path))
    for _ in range(3):
        store.store_round("chat", uuid4().hex, control=(), candidate={fingerprints["missing_event"]})
    store.close()
    judgement = json.loads(run("show", fingerprints["missing_event"], "--json").stdout)["judgement"]
    assert judgement["noise"]["candidate"] == 3
    assert judgement["reasons"] == [judgement["noise"]["sentence"]]
    assert "3 of 3 rounds" in run("show", fingerprints["missing_event"]).stdout


def test_show_without_a_valid_ledger_says_so_and_shows_the_rest(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "chat.toml").write_text("[[accepted]]\nid = 1\n")
    result = run("show", fingerprints["missing_event"], "--json")
    assert result.exit_code == 0
    assert "chat.toml" in result.stderr
    assert json.loads(result.stdout)["judgement"] == {"entries": [], "noise": None, "reasons": []}


def test_an_unknown_fingerprint_is_wrong_use_and_the_known_ones_are_named(run: Run, fingerprints: dict[str, str]) -> None:
    result = run("show", "000000000000")
    assert result.exit_code == 2
    assert fingerprints["missing_event"] in result.stderr


def test_accepting_adds_an_entry_that_the_comparison_then_uses(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    result = run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER, "--issue", "NETRA-209", "--json")
    assert result.exit_code == 0
    (entry,) = load_ledger(tmp_path / "ledger" / "chat.toml").entries
    assert json.loads(result.stdout)["accepted"]["id"] == entry.id
    assert (entry.fingerprint, entry.reason, entry.owner, entry.issue, entry.expires) == (
        fingerprints["missing_event"],
        "Wording only.",
        "chat-team",
        "NETRA-209",
        date.fromisoformat(LATER),
    )


def test_accepting_may_be_limited_to_so_many_a_run(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER, "--at-most", "2")
    assert [entry.at_most for entry in load_ledger(tmp_path / "ledger" / "chat.toml").entries] == [2]


def test_accepting_may_be_permanent_instead_of_having_a_last_day(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    result = run("accept", fingerprints["missing_event"], *SAID, "--permanent")
    assert result.exit_code == 0
    assert "permanently" in result.stderr
    (entry,) = load_ledger(tmp_path / "ledger" / "chat.toml").entries
    assert (entry.permanent, entry.expires) == (True, None)
    assert "permanently" in run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER).stderr


@pytest.mark.parametrize("terms", [(), ("--permanent", "--expires", LATER)])
def test_accepting_needs_one_term(run: Run, fingerprints: dict[str, str], tmp_path: Path, terms: tuple[str, ...]) -> None:
    result = run("accept", fingerprints["missing_event"], *SAID, *terms)
    assert result.exit_code == 2
    assert "either --expires DAY or --permanent" in result.stderr
    assert not (tmp_path / "ledger").exists()


def test_accepting_keeps_what_people_wrote_in_the_ledger(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    ledger = tmp_path / "ledger" / "chat.toml"
    ledger.parent.mkdir()
    before = (
        "# Agreed with the chat team.\n\n[[accepted]]\n"
        'id = "old"   # do not rename\nfingerprint = "0f3a9c2b71de"\nreason = "r"\nowner = "o"\nexpires = 2020-01-31\n'
    )
    ledger.write_text(before)
    ledger.chmod(0o640)
    run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER)
    assert ledger.read_text().startswith(before)
    assert len(tomllib.loads(ledger.read_text())["accepted"]) == 2
    assert ledger.stat().st_mode & 0o777 == 0o640
    assert list(ledger.parent.iterdir()) == [ledger]


def test_another_tenants_data_is_never_accepted(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    result = run("accept", fingerprints["isolation_breach"], *SAID, "--expires", LATER)
    assert result.exit_code == 2
    assert "never accepted" in result.stderr
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize(("day", "said"), [("2020-01-31", "past"), ("soon", "YYYY-MM-DD|%Y-%m-%d")])
def test_a_day_that_is_past_or_no_day_is_wrong_use(run: Run, fingerprints: dict[str, str], day: str, said: str) -> None:
    result = run("accept", fingerprints["missing_event"], *SAID, "--expires", day)
    assert result.exit_code == 2
    assert any(part in result.stderr for part in said.split("|"))


def test_accepting_twice_is_refused_while_the_first_entry_is_in_force(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER)
    result = run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER)
    assert result.exit_code == 2
    assert "already" in result.stderr
    assert len(load_ledger(tmp_path / "ledger" / "chat.toml").entries) == 1


def test_an_expired_entry_may_be_followed_by_a_new_one_with_an_id_of_its_own(
    run: Run, fingerprints: dict[str, str], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger" / "chat.toml"
    run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER)
    ledger.write_text(ledger.read_text().replace(LATER, "2020-01-31"))
    assert run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER).exit_code == 0
    first, second = (entry.id for entry in load_ledger(ledger).entries)
    assert second == f"{first}-2"


@pytest.mark.parametrize("blank", ["--reason", "--owner"])
def test_an_empty_reason_or_owner_is_refused_and_nothing_is_written(
    run: Run, fingerprints: dict[str, str], tmp_path: Path, blank: str
) -> None:
    result = run("accept", fingerprints["missing_event"], *SAID, blank, " ", "--expires", LATER)
    assert result.exit_code == 2
    assert not (tmp_path / "ledger" / "chat.toml").exists()


def test_a_ledger_that_is_not_valid_is_left_as_it_is(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    ledger = tmp_path / "ledger" / "chat.toml"
    ledger.parent.mkdir()
    ledger.write_text("[[accepted]]\nid = 1\n")
    result = run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER)
    assert result.exit_code == 2
    assert ledger.read_text() == "[[accepted]]\nid = 1\n"


def test_a_ledger_written_as_an_inline_array_is_continued(run: Run, fingerprints: dict[str, str], tmp_path: Path) -> None:
    ledger = tmp_path / "ledger" / "chat.toml"
    ledger.parent.mkdir()
    ledger.write_text('accepted = [{ id = "a", fingerprint = "0f3a9c2b71de", reason = "r", owner = "o", expires = 2020-01-31 }]\n')
    assert run("accept", fingerprints["missing_event"], *SAID, "--expires", LATER).exit_code == 0
    assert len(load_ledger(ledger).entries) == 2


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """Store twelve comparisons of runs that match, of which the candidate's first event is late, and return the finding's fingerprint."""
    store = EvidenceStore.for_writing(MigrationSettings(home=tmp_path))
    whole = (("agent_started", {}), ("agent_thinking", {"step_number": 1}), ("agent_completed", {"success": True}))
    for number in range(12):
        control, candidate = (record(origin, f"r{number}", *whole) for origin in Origin)
        late = tuple(msgspec.structs.replace(event, at_s=event.at_s + 0.7) for event in candidate.events)
        candidate = msgspec.structs.replace(candidate, events=late)
        comparison = compare(control, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL)
        assert comparison.divergences == ()
        store.store(ShadowJob(record=control, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1), candidate, comparison)
    (found,) = findings(
        default_policy("chat"),
        lambda rule: Pairs(slower=12 * (rule.metric == "first_event_s"), runs=12),
    )
    store.close()
    return found.fingerprint


def test_a_candidate_that_is_slower_over_many_runs_is_listed_and_shown(run: Run, slow: str) -> None:
    listed = run("list", "--json")
    assert listed.exit_code == 1
    (found,) = json.loads(listed.stdout)["divergences"]
    assert (found["fingerprint"], found["kind"], found["path"], found["count"], found["verdict"]) == (
        slow,
        "latency",
        "run.first_event_s",
        12,
        "divergent",
    )
    shown = run("show", slow)
    assert (shown.exit_code, "more than 0.25 s and 5 % longer in candidate in 12 of 12 runs" in shown.stdout) == (0, True)
    assert run("list", "--kind", "payload", "--json").exit_code == 0


def test_a_latency_that_is_accepted_is_listed_as_that(run: Run, slow: str) -> None:
    assert run("accept", slow, *SAID, "--expires", LATER).exit_code == 0
    listed = run("list", "--json")
    assert (listed.exit_code, [one["verdict"] for one in json.loads(listed.stdout)["divergences"]]) == (0, ["accepted"])


def test_an_example_shows_the_effects_of_both_sides_in_order_the_traces_and_the_rule_that_touched_the_field(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRA_MIGRATION_PLAINTEXT_TENANTS", '["acme"]')

    def asked(tool: str, days: int) -> Effect:
        request = json.dumps({"name": tool, "arguments": {"days": days}}).encode()
        plain = {"kind": "tool", "lane": "data", "key": "", "reply": b"{}", "error": None, "started_s": 0.1, "duration_s": 0.1}
        return Effect(name=tool, request=request, **plain)

    whole = (("agent_started", {}), ("agent_thinking", {"step_number": 1, "duration_ms": 3}), ("agent_completed", {"success": True}))
    control, candidate = (record(origin, "r1", *whole) for origin in Origin)
    control = msgspec.structs.replace(control, trace_id="1" * 32, journal=(asked("usage", 30), asked("prices", 1), asked("save", 2)))
    late = json.loads(candidate.events[1].payload)
    late["payload"]["duration_ms"] = "3"
    events = (candidate.events[0], msgspec.structs.replace(candidate.events[1], payload=json.dumps(late).encode()), candidate.events[2])
    candidate = msgspec.structs.replace(
        candidate, trace_id="2" * 32, events=events, journal=(asked("usage", 7), asked("prices", 1), asked("mail", 1))
    )
    comparison = compare(control, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL)
    with closing(EvidenceStore.for_writing(MigrationSettings(home=tmp_path), align=aligned_events)) as store:
        store.store(ShadowJob(record=control, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1), candidate, comparison)
    marks = {one.kind: one.fingerprint for one in comparison.divergences}

    effect = run("show", marks["effect_changed"], "--json")
    rows = json.loads(effect.stdout)["examples"][0]["excerpt"]
    assert [(row["mark"], (row["control"] or row["candidate"])["kind"]) for row in rows if row["mark"] != "gap"][:4] == [
        ("changed", "tool.usage"),
        ("equal", "tool.prices"),
        ("missing", "tool.save"),
        ("extra", "tool.mail"),
    ]
    shown = run("show", marks["payload"]).stdout
    assert "durations (mask)" in shown
    assert "1" * 32 in shown
    assert "2" * 32 in shown
    patched = run("show", marks["effect_changed"], "--patch")
    assert json.loads(patched.stdout)["patches"][0] == {
        "run_id": "r1",
        "lane": "data",
        "kind": "tool.usage",
        "patch": [{"op": "replace", "path": "/arguments/days", "value": 7}],
    }


SECRET_PLAN = "zebra crossing at noon"
ASKED = {"control": "giraffe bridge at dusk", "candidate": SECRET_PLAN}


def with_call(origin: Origin, tenant: str) -> RunRecord:
    """A run that calls a tool with a text of its user's, and repeats it in its answer."""
    text = ASKED[origin.value]
    answer = ("agent_completed", {"status": "completed", "result": {"success": True, "final_answer": text}})
    made = record(origin, f"r-{tenant}", ("agent_started", {}), answer, tenant=tenant)
    call = Effect(
        kind="tool",
        name="save_action_plan",
        lane="data",
        key="",
        request=json.dumps({"name": "save_action_plan", "arguments": {"plan": text}}).encode(),
        reply=b"{}",
        error=None,
        started_s=0.0,
        duration_s=0.1,
    )
    return msgspec.structs.replace(made, journal=(call,), request=msgspec.structs.replace(made.request, tenant_id=tenant))


def stored_call(folder: Path, tenant: str) -> dict[str, str]:
    """Compare and store such a pair of runs as a worker does, where `open-book` allows its texts; return the fingerprints by path."""
    control, candidate = (with_call(origin, tenant) for origin in Origin)
    comparison = compare(control, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL)
    with closing(
        EvidenceStore.for_writing(MigrationSettings(home=folder, plaintext_tenants=("open-book",)), align=aligned_events)
    ) as store:
        store.store(ShadowJob(record=control, stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1), candidate, comparison)
    return {one.path: one.fingerprint for one in comparison.divergences}


def counted(folder: Path, tenant: str) -> bytes:
    """Return all metrics of a process that counted such a comparison and watches the tenant."""
    metrics = Metrics({tenant}, registry=CollectorRegistry())
    control, candidate = (with_call(origin, tenant) for origin in Origin)
    count_comparison(metrics, compare(control, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL))
    return generate_latest(metrics.registry)


def test_of_a_tenant_that_allows_its_texts_list_and_show_name_the_tool_and_the_arguments_that_differ(run: Run, tmp_path: Path) -> None:
    found = stored_call(tmp_path, "open-book")["tool.save_action_plan.arguments.plan"]
    clause = f'tool `save_action_plan`, `arguments.plan`: "{ASKED["control"]}" in control, "{SECRET_PLAN}" in candidate'

    assert clause in " ".join(run("show", found).stdout.split())
    assert SECRET_PLAN in run("list").stdout
    [example] = json.loads(run("show", found, "--json").stdout)["examples"]
    assert example["values"] == clause
    listed = {one["path"]: one["example"] for one in json.loads(run("list", "--json").stdout)["divergences"]}
    assert listed["tool.save_action_plan.arguments.plan"] == clause


def test_of_any_other_tenant_they_name_the_tool_the_place_and_the_length_and_the_value_is_nowhere(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    found = stored_call(tmp_path, "acme")["tool.save_action_plan.arguments.plan"]
    clause = "tool `save_action_plan`, `arguments.plan`: a text of 22 characters in control, and another in candidate"

    shown = [run("show", found), run("show", found, "--json"), run("show", found, "--patch"), run("list"), run("list", "--json")]
    assert json.loads(shown[1].stdout)["examples"][0]["values"] == clause
    assert clause in " ".join(shown[0].stdout.split())
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    kept += b"".join(counted(tmp_path / "metrics", tenant) for tenant in ("acme", "open-book"))
    printed = "".join(result.output for result in shown)
    for word in ("zebra", "giraffe", "crossing", "dusk"):
        assert word.encode() not in kept
        assert word not in printed
        assert word not in caplog.text


def test_the_sentence_that_all_tenants_share_holds_no_value_of_one_that_allows_its_texts(run: Run, tmp_path: Path) -> None:
    stored_call(tmp_path, "open-book")
    listed = json.loads(run("list", "--json").stdout)["divergences"]
    assert not [one for one in listed if "zebra" in one["sentence"] or "giraffe" in one["sentence"]]
