"""What is found of secrets of many kinds, and what is taken for one, as docs/migration/evidence.md states it."""

# ruff: noqa: S311 - made to be the same each time

import re
from itertools import pairwise
from pathlib import Path
from random import Random
from time import process_time

import pytest

from migration.evidence.secret_forms import FIELD
from migration.evidence.secret_search import find

from .secret_corpus import BENIGN, SECRETS, planted

EACH = 40
DOCS = " ".join((Path(__file__).parents[4] / "docs" / "migration" / "evidence.md").read_text().split())


def covered(text: str, secret: str) -> bool:
    at, found = text.index(secret), find(text)
    return all(any(start <= place < end for start, end in found) for place in range(at, at + len(secret)))


def share_found(kind: str, seed: int = 1) -> float:
    rng = Random(f"{kind} {seed}")
    return sum(covered(*planted(rng, kind)) for _ in range(EACH)) / EACH


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_of_each_kind_are_found(kind: str) -> None:
    assert share_found(kind) >= 0.85


def test_of_all_kinds_as_many_are_found_as_the_docs_say() -> None:
    said = float(re.search(r"\*\*([\d.]+) %\*\* of the secrets", DOCS)[1])
    assert len(SECRETS) >= 40
    assert 100 * sum(share_found(kind, 2) for kind in SECRETS) / len(SECRETS) >= said


def test_of_texts_without_secrets_no_more_are_taken_for_one_than_the_docs_say() -> None:
    said = float(re.search(r"\*\*([\d.]+) %\*\* are mistaken for a secret", DOCS)[1])
    rng = Random(3)
    alarms = sum(bool(find(make(rng))) for make in BENIGN.values() for _ in range(EACH))
    assert 100 * alarms / (EACH * len(BENIGN)) <= said


@pytest.mark.parametrize("kind", BENIGN)
def test_texts_without_secrets_are_left_alone(kind: str) -> None:
    rng = Random(kind)
    assert sum(bool(find(BENIGN[kind](rng))) for _ in range(EACH)) <= 1


@pytest.mark.parametrize(("number", "is_one"), [("4111 1111 1111 1111", True), ("4111 1111 1111 1112", False)])
def test_check_digits_decide(number: str, *, is_one: bool) -> None:
    assert bool(find(f"charge {number} now")) is is_one


def test_the_docs_name_as_many_kinds_as_are_tried() -> None:
    assert f"of {len(SECRETS)} kinds of secrets" in DOCS
    assert f"of {len(BENIGN)} kinds of texts" in DOCS.lower()


@pytest.mark.parametrize(
    "name", ["db_pwd", "pass", "sessionId", "otp", "x-signature", "connectionString", "jwt", "Passwort", "seed_phrase"]
)
def test_fields_of_such_names_hold_secrets(name: str) -> None:
    assert FIELD.search(name)


@pytest.mark.parametrize("name", ["passed", "author", "pinned", "options", "compass", "assign", "message"])
def test_fields_of_other_names_do_not(name: str) -> None:
    assert not FIELD.search(name)


def test_places_are_in_order_and_do_not_overlap() -> None:
    rng = Random(4)
    found = find(" ".join(planted(rng, kind)[0] for kind in SECRETS))
    assert all(start < end for start, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


@pytest.mark.parametrize("piece", ["a-", "password", "4 ", "://", "key=", "-----BEGIN PRIVATE KEY-----", "A1", "?sig=", "-u a:", "pwd "])
def test_a_text_that_is_made_to_take_long_takes_no_longer_than_others(piece: str) -> None:
    started = process_time()
    find(piece * (100_000 // len(piece)))
    assert process_time() - started < 5.0  # of quadratic growth, minutes
