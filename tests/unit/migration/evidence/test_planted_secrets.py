"""Secrets of every kind, planted in every field of a run: none is in the database of a tenant that allows no texts."""

# ruff: noqa: S311 - made to be the same each time

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from shutil import copytree
from typing import Any

import msgspec
import pytest
from sqlalchemy import create_engine

from migration.comparison import aligned_events
from migration.evidence import EvidenceStore, Redactor
from migration.evidence.schema import upgrade
from migration.evidence.secret_search import find
from migration.model import EffectError, Origin
from migration.recordings import write_line
from migration.sentence import say

from .secret_corpus import SECRETS, planted

Make = Any
PLAIN = "open-book"


def quoted(stored: bytes, secret: str) -> bool:
    """Whether the secret stands there, as it is or as JSON writes it, or a piece from its middle."""
    middle = secret[len(secret) // 4 : len(secret) * 3 // 4]
    forms = {secret, json.dumps(secret)[1:-1], *([middle] if len(middle) >= 12 and "\n" not in middle else [])}
    return any(form.encode() in stored for form in forms)


def name_of(secret: str, tenant: str) -> str:
    """What stands in the place of a name. What the docs say is taken for one is not planted: a short word, letters alone.

    Of a tenant that allows its texts nor is a short secret without the words that say what it is.
    """
    short = len(secret) < (20 if tenant == PLAIN and not find(secret) else 12)
    return "name" if short or secret.isalpha() else secret


def id_of(secret: str, tenant: str) -> str:
    """What stands in the place of ids. Of a tenant that allows no texts, none stays; of the others, what is not a secret by itself."""
    return name_of(secret, tenant) if tenant == PLAIN else secret


def run_with(make: Make, secret: str, text: str, origin: Origin, tenant: str) -> Any:
    name, id_ = name_of(secret, tenant), id_of(secret, tenant)
    said = {"content": text, name: text, "nested": {"list": [text], "password": secret, "status": name}}
    body = msgspec.json.encode({"message": text, "history": [{"role": "user", "content": text}], name: 1})
    failure = EffectError(type="ToolError", message=text)
    effects = [
        make.effect(name="search", request=msgspec.json.encode(said), reply=msgspec.json.encode(said)),
        make.effect(name="search", request=body, reply=None, error=failure),
    ]
    run = make.run(origin, tenant_id=tenant, user_id=id_, run_id="r-1", events=(make.event(**said),), journal=tuple(effects), error=failure)
    return msgspec.structs.replace(run, request=msgspec.structs.replace(run.request, payload=body, thread_id=id_))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database without runs. To make its tables takes longer than to store a run."""
    folder = tmp_path_factory.mktemp("empty")
    engine = create_engine(f"sqlite:///{folder / 'evidence.db'}")
    upgrade(engine)
    engine.dispose()
    return folder


@pytest.fixture
def folders(empty: Path, tmp_path: Path) -> Iterator[Path]:
    """New folders, each with an empty database."""
    return (copytree(empty, tmp_path / str(number)) for number in count())


def stored(folder: Path, make: Make, secret: str, text: str, tenant: str) -> bytes:
    """All bytes that are kept of a run in which the secret stands everywhere; recordings as they are read."""
    control, candidate = (run_with(make, secret, text, origin, tenant) for origin in Origin)
    divergence = make.divergence(
        lane=f"data/{name_of(secret, tenant)}",
        path=f"agent_completed.payload.{name_of(secret, tenant)}",
        control=msgspec.json.encode(text).decode(),
        candidate=text,
        sentence=say("{text}", text=text),
    )
    comparison = make.comparison(
        control.request,
        divergences=(divergence,),
        reasons=(say("{text}", text=text),),
        thread_id=id_of(secret, tenant),
        user_id=id_of(secret, tenant),
    )
    store = EvidenceStore(f"sqlite:///{folder / 'evidence.db'}", Redactor(b"k" * 32, {PLAIN}), align=aligned_events, record=write_line)
    try:
        store.store(*make.item(divergence, served=control, shadow=candidate)[:2], comparison)
        kept = b"".join(recording.line for recording in store.recordings())
    finally:
        store.close()
    return kept + b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize("kind", SECRETS)
def test_none_is_kept_of_a_tenant_that_allows_no_texts(folders: Iterator[Path], make: Make, kind: str) -> None:
    text, secret = planted(Random(kind), kind)
    assert not quoted(stored(next(folders), make, secret, text, "acme"), secret)


def test_of_a_tenant_that_allows_its_texts_no_more_than_the_docs_say_is_kept(folders: Iterator[Path], make: Make) -> None:
    kept = []
    for kind in SECRETS:
        text, secret = planted(Random(f"{kind} plain"), kind)
        if quoted(stored(next(folders), make, secret, text, PLAIN), secret):
            kept.append(kind)
    assert kept == []
