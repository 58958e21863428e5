"""Another project, in `tests/migration/foreign`: own events, parallel calls in threads, a streamed model; it knows public modules alone."""

import ast
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from migration import compose, in_thread
from migration.stores import StoresDatabase, watch_now
from migration.testing import Verdict, compared, explained

ROOT = Path(__file__).parents[2]
FOREIGN = ROOT / "tests" / "migration" / "foreign"
PUBLIC = {"migration", "migration.effects", "migration.effects.http", "migration.errors", "migration.testing"}
PATIENCE_S = 60.0
TICKET = {"topics": ["printer", "paper", "ink"], "text": "no paper left", "colleague": "ada"}

#: What the new engine does wrong -> (kind of a divergence, its path) by which it is named.
FAULTS = {
    "ticket is not kept": ("payload", "ticket.closed.ticket"),
    "another order of calls": ("payload", "lookup.answered.hits"),
    "a lookup too many": ("effect_extra", "tool.look_up"),
    "another argument": ("effect_extra", "tool.look_up"),
    "a lookup is not answered": ("missing_event", "lookup.answered"),
    "a wrong number": ("payload", "lookup.answered.hits"),
    "a word is lost": ("missing_event", "token"),
    "shouts": ("payload", "token.text"),
    "stops early": ("missing_event", "token"),
    "says it twice": ("duplicate_event", "branch.closed"),
    "tells twice": ("effect_extra", "tool.notify"),
    "tells nobody": ("effect_missing", "tool.notify"),
    "hides a failure": ("terminal_state", "run.outcome"),
    "gives up": ("terminal_state", "run.outcome"),
    "crashes": ("terminal_state", "run.outcome"),
    "an event too many": ("extra_event", "ticket.seen"),
    "another event": ("missing_event", "lookup.asked"),
    "a field is lost": ("payload", "ticket.closed.answer"),
    "a number becomes text": ("payload", "ticket.closed.took_s"),
    "asks otherwise": ("effect_changed", "model.arguments.messages[0].role"),
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    for name, value in {"PROJECT": FOREIGN, "HOME": tmp_path, "SHADOW_PRIORITY": "normal", "NOISE_SAMPLING": "0"}.items():
        monkeypatch.setenv(f"NETRA_MIGRATION_{name}", str(value))
    monkeypatch.syspath_prepend(FOREIGN / "src")


def ticket(fault=None):
    return TICKET | {"fault": fault} | ({"colleague": "nobody"} if fault == "hides a failure" else {})


def command(*arguments, code=0):
    program = Path(sys.executable).with_name("netra-migration")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=os.environ)
    assert done.returncode == code, done.stderr
    return done.stdout


def shadowing():
    for stage in ("dualwrite", "shadow"):
        command("stage", "set", "support", stage, "--all", "--yes", "--force", "--reason", "a test")


def verdicts():
    (surface,) = json.loads(command("status", "--json"))["surfaces"]
    return {verdict: runs for verdict, runs in surface["verdicts"].items() if runs}


def outside():
    import helpdesk.outside

    return helpdesk.outside


async def served(migration, **changes):
    return [event.kind async for event in migration.run("support", TICKET | changes, tenant_id="acme", user_id="ann")]


async def test_beside_a_server_equal_engines_match_and_a_fault_is_named():
    shadowing()
    async with compose(registry=CollectorRegistry()) as migration:
        outside().reached.clear()
        streams = await asyncio.gather(*(served(migration, text=f"ticket {number}") for number in range(5)))
        assert Counter(outside().reached) == {"oracle": 5, "look_up": 15, "notify": 5}  # the old engine's calls alone
        await served(migration, fault="a word is lost")
        await served(migration, fault="forgets a port")
        assert await migration.drained(PATIENCE_S)
    assert {(kinds[0], kinds[-1]) for kinds in streams} == {("ticket.opened", "ticket.closed")}
    assert verdicts() == {"match": 5, "divergent": 2}
    listed = json.loads(command("divergences", "list", "--json", code=1))["divergences"]
    (found,) = [one for one in listed if one["kind"] == "missing_event"]
    assert found["sentence"] == "Control sends `token` for `answer`; candidate does not."
    assert any("It has no port: it opens a network connection" in one["sentence"] for one in listed)


def test_threads_have_runs_served_without_a_loop_of_their_own():
    shadowing()
    with in_thread(lambda: compose(registry=CollectorRegistry())) as migration:
        kinds = [event.kind for event in migration.run("support", TICKET, tenant_id="acme")]
        assert migration.drained(PATIENCE_S)
    assert (kinds[0], kinds[-1], verdicts()) == ("ticket.opened", "ticket.closed", {"match": 1})


async def test_which_engines_ran_is_counted_though_no_finished_runs_are_kept(tmp_path):
    shadowing()
    async with compose(registry=CollectorRegistry()) as migration:
        await served(migration)
    with closing(StoresDatabase(f"sqlite:///{tmp_path / 'stores.db'}")) as database:
        seen = watch_now(database, "support", days=1, now=time.time())
    assert {(one.stage, one.origin, one.runs) for one in seen.ran} == {("shadow", "control", 1), ("shadow", "candidate", 1)}


@pytest.mark.parametrize("serving", ["control", "candidate"])
async def test_without_a_fault_both_engines_agree_whichever_serves(serving):
    from migration import Origin

    comparison = await compared("support", ticket(), serving=Origin(serving))
    assert comparison.verdict is Verdict.MATCH, explained(comparison)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_fault_is_found_and_named(fault):
    comparison = await compared("support", ticket(fault))
    assert comparison.verdict is Verdict.DIVERGENT
    assert FAULTS[fault] in {(one.kind, one.path) for one in comparison.divergences}, explained(comparison)


async def test_a_forgotten_port_is_named_with_the_port_that_it_needs():
    comparison = await compared("support", ticket("forgets a port"))
    (found,) = comparison.divergences
    assert (found.kind, found.path) == ("effect_extra", "tool.socket.connect")
    assert "migration.effects.http.AsyncHttpPort" in str(found.sentence)


@pytest.mark.parametrize("path", sorted((FOREIGN / "src").rglob("*.py")), ids=lambda path: path.name)
def test_the_project_imports_public_names_alone(path):
    import importlib

    imported = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [node for node in imported if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "migration"]
    assert {node.module for node in ours} <= PUBLIC
    assert [name.name for node in ours for name in node.names if name.name not in importlib.import_module(node.module).__all__] == []
