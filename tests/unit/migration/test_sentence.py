"""What we write in a sentence is kept apart from what it quotes."""

import ast
from pathlib import Path

import msgspec

from migration.sentence import Sentence, joined, quoted, say, word

ROOT = Path(__file__).parents[3]


def test_a_text_is_quoted_and_a_number_or_a_word_of_ours_is_not() -> None:
    sentence = say("{side} sends {count} of `{kind}`.", side=word("Control"), count=2, kind="secret")
    assert str(sentence) == "Control sends 2 of `secret`."
    assert sentence.quoting(lambda part: part.upper()) == "Control sends 2 of `SECRET`."


def test_a_sentence_inside_another_one_keeps_its_parts() -> None:
    inner = say("`{lane}`", lane="data")
    assert say("{who} ends.", who=inner).parts == ("`", "data", "` ends.")
    assert say("{first}{then}", first=quoted("a"), then=quoted("b")).parts == ("", "a", "", "b")


def test_sentences_are_joined_by_a_text_of_ours() -> None:
    assert joined([quoted("a"), word("b"), quoted("c")], "; ").quoting(lambda _part: "*") == "*; b; *"
    assert str(joined([])) == ""


def test_braces_in_what_is_quoted_stay() -> None:
    assert str(say("{a}", a="{b}")) == "{b}"


def test_a_sentence_crosses_processes_whole() -> None:
    sentence = say("`{lane}` ends.", lane="data")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sentence), type=Sentence) == sentence


def test_a_template_is_a_literal_so_that_no_data_gets_into_it() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "migration").rglob("*.py")}
    trees = {path: ast.parse(text) for path, text in texts.items() if "import" in text and "migration.sentence" in text}
    calls = [
        (path, node)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
    ]
    assert len(calls) > 40
    assert [(path.name, node.lineno) for path, node in calls if not isinstance(node.args[0], ast.Constant)] == []
