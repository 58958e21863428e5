"""The language of the tree: phrases that are hard to read become fewer, and the words of the glossary have one meaning and a file."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from .prose import ROOT, sentences

PHRASES: dict[str, int] = tomllib.loads(Path(__file__).with_name("language.toml").read_text(encoding="utf-8"))["at_most"]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \|(?: (.*?) \|)?$", GLOSSARY, re.MULTILINE)


@cache
def texts() -> tuple[tuple[str, str], ...]:
    return tuple((one.path, one.text) for one in sentences() if not one.path.startswith(("docs/glossary.md", "CHANGELOG")))


@cache
def places(phrase: str) -> tuple[str, ...]:
    written = re.compile(phrase)
    return tuple(f"{path}: {text}" for path, text in texts() if written.search(text))


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_that_is_hard_to_read_becomes_no_more_frequent(phrase: str) -> None:
    found = places(phrase)
    assert len(found) <= PHRASES[phrase], "write it plainly (docs/glossary.md), or lower the count:\n" + "\n".join(found)


@pytest.mark.parametrize("phrase", PHRASES)
def test_the_count_of_a_phrase_is_lowered_when_it_was_rewritten(phrase: str) -> None:
    count = len(places(phrase))
    assert PHRASES[phrase] <= count + max(10, count // 5), f"language.toml: {count} is enough for {phrase!r}"


def test_every_word_of_the_glossary_has_one_sentence_and_a_file_that_exists() -> None:
    assert len(ROWS) > 30
    assert [word for word, meaning, _, _ in ROWS if meaning.count(". ") or not meaning.endswith(".")] == []
    named = [(word, path) for word, _, files, _ in ROWS for path in re.findall(r"`([^`]+)`", files)]
    assert [(word, path) for word, path in named if not (ROOT / path).exists()] == []
    assert {word for word, _ in named} == {word for word, _, _, _ in ROWS}


def test_the_glossary_lists_each_word_once_and_in_order() -> None:
    words = [word for word, _, _, _ in ROWS]
    assert words == sorted(set(words), key=str.lower)


@pytest.mark.parametrize(("word", "instead"), [(word, name) for word, _, _, names in ROWS for name in re.findall(r'"([^"]+)"', names)])
def test_a_thing_in_the_glossary_has_no_second_name(word: str, instead: str) -> None:
    found = [f"{path}: {text}" for path, text in texts() if re.search(rf"\b{re.escape(instead)}s?\b", text, re.IGNORECASE)]
    assert found == [], f"the word is {word!r} (docs/glossary.md)"


def test_the_words_of_the_readme_lead_to_the_glossary() -> None:
    assert "docs/glossary.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(glossary.md)" in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))], ids=lambda page: page.name)
def test_a_row_of_a_table_is_one_line(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"^\| .*[^|\s]\s*$", text, re.MULTILINE) == []
