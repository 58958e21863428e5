"""Served runs kept whole: of whom, how many, without secrets, and as long as their comparison."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration.evidence import EvidenceStore, Redactor
from migration.evidence.recordings import LIMIT_BYTES
from migration.model import EffectError, RunRequest
from migration.recordings import read_line, write_line

Make = Any
Clock = Any
OpenStore = Callable[..., EvidenceStore]
OPEN = "open-book"  #: allows its texts
SECRET = "sk-abcdefghijklmnopqrstuvwx"


@pytest.fixture
def keep(open_store: OpenStore) -> EvidenceStore:
    return open_store(record=write_line, recordings=2)


def diverged(make: Make, run_id: str = "r-1", *, tenant_id: str = OPEN, fingerprints: tuple[str, ...] = ("a" * 12,), **changes: Any):
    found = (make.divergence(fingerprint=fingerprint) for fingerprint in fingerprints)
    return make.item(*found, run_id=run_id, tenant_id=tenant_id, **changes)


def served(make: Make, **payload: Any):
    effects = (
        make.effect(request=b'{"messages":["hello"]}', reply=b'{"message":"hi"}'),
        make.effect(kind="tool", reply=None, error=EffectError(type="ToolError", message=f"{SECRET} is wrong")),
    )
    record = make.run(tenant_id=OPEN, events=(make.event(),), journal=effects)
    return msgspec.structs.replace(record, request=make.request(tenant_id=OPEN, payload=json.dumps(payload).encode()))


def test_a_kept_recording_holds_what_a_replay_needs_and_no_event(keep: EvidenceStore, make: Make) -> None:
    record = served(make, message="hello")
    keep.store(*diverged(make, served=record))
    (stored,) = keep.recordings("a" * 12)
    run = read_line(stored.line)
    assert (run.request, run.origin, run.events) == (record.request, record.origin, ())
    assert [(one.request, one.reply) for one in run.journal] == [(one.request, one.reply) for one in record.journal]
    assert (stored.run_id, stored.tenant_id, stored.surface) == ("r-1", OPEN, "chat")


def test_no_recording_is_kept_of_a_tenant_that_does_not_allow_its_texts(keep: EvidenceStore, make: Make, database: Path) -> None:
    record = make.run(journal=(make.effect(reply=b'{"message":"for nobody else"}'),))
    keep.store(*diverged(make, tenant_id="acme", served=record))
    keep.close()
    assert keep.recordings() == []
    assert b"for nobody else" not in database.read_bytes()


def test_only_so_many_recordings_of_a_kind_are_kept(keep: EvidenceStore, make: Make) -> None:
    keep.store_many(diverged(make, f"r-{number}") for number in range(3))
    keep.store(*diverged(make, "r-3"))
    assert [one.run_id for one in keep.recordings("a" * 12)] == ["r-0", "r-1"]
    detail = keep.divergence("a" * 12)
    assert detail is not None
    assert detail.divergence.recordings == 2


def test_those_of_other_tenants_do_not_use_up_the_number(keep: EvidenceStore, make: Make) -> None:
    keep.store_many(diverged(make, f"r-{number}", tenant_id="acme") for number in range(9))
    keep.store(*diverged(make, "r-9"))
    assert [one.run_id for one in keep.recordings()] == ["r-9"]


def test_one_run_is_kept_once_for_all_its_kinds(keep: EvidenceStore, make: Make) -> None:
    kinds = ("a" * 12, "b" * 12)
    keep.store(*diverged(make, fingerprints=kinds))
    assert [len(keep.recordings(kind)) for kind in kinds] == [1, 1]
    assert len(keep.recordings()) == 1


def test_a_run_with_a_breach_of_isolation_is_never_kept(keep: EvidenceStore, make: Make) -> None:
    breach = make.divergence(kind="isolation_breach", severity="security")
    keep.store(*make.item(breach, tenant_id=OPEN))
    assert keep.recordings() == []


@pytest.mark.parametrize(
    "payload",
    [
        {"message": f"my key is {SECRET}, keep it"},
        {"api_key": SECRET},
        {"arguments": json.dumps({"password": SECRET[3:]})},
        {SECRET: 1},
        {"deep": [{"list": [f"Bearer {SECRET[3:]}"]}]},
    ],
)
def test_a_kept_recording_holds_no_secret(keep: EvidenceStore, make: Make, payload: dict[str, Any]) -> None:
    keep.store(*diverged(make, served=served(make, **payload)))
    (stored,) = keep.recordings()
    assert SECRET[3:].encode() not in stored.line


def test_a_secret_has_one_stand_in_wherever_it_is_said_so_that_requests_still_fit() -> None:
    redactor = Redactor(b"k" * 32)
    said = json.loads(redactor.whole(json.dumps({"message": f"use {SECRET} now"}).encode()))["message"]
    asked = json.loads(redactor.whole(json.dumps({"messages": [{"content": f"use {SECRET} now"}]}).encode()))["messages"][0]["content"]
    assert said == asked


def test_a_document_without_secrets_is_kept_byte_for_byte() -> None:
    document = b'{ "n": 1.0, "long": ' + json.dumps(list(range(500))).encode() + b"}"
    assert Redactor(b"k" * 32).whole(document) == document


def test_a_run_that_is_too_large_is_not_kept_and_the_log_says_so(keep: EvidenceStore, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    request: RunRequest = make.request(tenant_id=OPEN, payload=json.dumps({"message": "x" * LIMIT_BYTES}).encode())
    keep.store(*diverged(make, served=msgspec.structs.replace(make.run(tenant_id=OPEN), request=request)))
    assert keep.recordings() == []
    assert "run r-1 is not kept as a recording" in caplog.text


def test_pruned_recordings_make_room_for_new_ones(keep: EvidenceStore, make: Make, clock: Clock) -> None:
    keep.store_many(diverged(make, f"r-{number}") for number in range(2))
    clock.now += 100
    keep.store(*diverged(make, "r-2"))
    keep.prune(50)
    keep.store(*diverged(make, "r-3"))
    assert [one.run_id for one in keep.recordings()] == ["r-3"]


def test_without_a_writer_nothing_is_kept(store: EvidenceStore, make: Make) -> None:
    store.store(*diverged(make))
    assert store.recordings() == []
