"""An id is told from a word by its looks, whatever alphabet it was made from."""

import random
import string

import pytest

from migration.identifiers import without_ids

ALPHABETS = {
    "hex": "0123456789abcdef",
    "capital hex": "0123456789ABCDEF",
    "base 32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "Crockford": "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
    "base 36": string.digits + string.ascii_lowercase,
    "base 58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "base 62": string.digits + string.ascii_letters,
    "base 64": string.digits + string.ascii_letters + "-_",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψω0123456789",  # noqa: RUF001 - not Latin is what it is here for
}


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_random_ids_of_an_alphabet_have_one_shape(alphabet: str) -> None:
    chance = random.Random(7)  # noqa: S311 - the same ids in every run
    made = ["".join(chance.choices(ALPHABETS[alphabet], k=22)) for _ in range(300)]

    told = [without_ids(f"result.rows.{one}.cost") == "result.rows.#.cost" for one in made]

    assert sum(told) >= 285


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("agent_completed.payload.result.final_answer", "agent_completed.payload.result.final_answer"),
        ("data/price_lookup#12", "data/price_lookup##"),
        ("user-1842", "user-#"),
        ("3f2a91bc77d0", "#"),
        ("1B4E28BA-2FA1-11D2-883F-0016D3CCA427", "#"),
        ("call_V1StGXR8_Z5jdHi6B-myT", "#"),
        ("2025-03-14", "#-#-#"),
        ("toolCallArguments", "toolCallArguments"),
        ("getHTTPResponseCode", "getHTTPResponseCode"),
        ("HTTP_STATUS_CODE", "HTTP_STATUS_CODE"),
        ("straightforward_strengths", "straightforward_strengths"),
        ("gpt-4o", "gpt-#o"),
        ("", ""),
    ],
)
def test_words_stay_and_ids_and_numbers_do_not(name: str, shape: str) -> None:
    assert without_ids(name) == shape
