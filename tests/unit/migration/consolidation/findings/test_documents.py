"""Files that are not Python: names and paths of implementations in configuration and in documentation."""

import pytest

from migration.consolidation.findings.documents import search_documents
from migration.consolidation.findings.strings import Reference
from migration.consolidation.sources.discovery import SourceFile


def documents(root, name, understood, *, configuration=False, words=("engine",)):
    source, reference = SourceFile(path=name, size=1, changed_ns=1, inode=1), Reference(understood.names, understood.family)
    return search_documents(root, [(source, configuration)], words, reference, lambda _: None)


@pytest.fixture
def search(understand, tmp_path):
    understood = understand({})

    def search(name, text, *, configuration=True, words=("engine",)):
        file = tmp_path / name
        file.write_text(text)
        return documents(tmp_path, name, understood, configuration=configuration, words=words)

    return search


@pytest.mark.parametrize(
    ("name", "text", "use"),
    [
        ("a.toml", 'run = "pkg.engine:ExecutionEngine"\n', "configuration"),
        ("a.ini", "[x]\nfile = ./pkg/engine.py\n", "path"),
        ("a.json", '{"a": "pkg.engine"}', "configuration"),
    ],
)
def test_configuration_that_names_an_implementation_uses_it(search, name, text, use):
    assert [(one.use, one.module) for one in search(name, text).strings] == [(use, "pkg.engine")]


@pytest.mark.parametrize("text", ["# pkg.engine\n", "; pkg.engine\n", "// pkg.engine\n", "x = 1 # pkg.engine\n"])
def test_what_a_comment_of_configuration_names_is_a_mention(search, text):
    found = search("a.ini", text)
    assert ([one.kind for one in found.mentions], found.strings) == (["comment"], [])


def test_a_mark_inside_of_json_is_no_comment(search):
    assert len(search("a.json", '{"a": "x # pkg.engine"}').strings) == 1


def test_documentation_mentions_and_uses_nothing(search):
    found = search("a.md", "one\nSee `pkg.engine`.\n", configuration=False)
    assert ([(one.line, one.kind) for one in found.mentions], found.strings) == ([(2, "document")], [])


def test_a_file_without_any_of_the_words_is_not_looked_into(search):
    found = search("a.toml", 'run = "pkg.engine"\n', words=("motor",))
    assert (found.strings, list(found.digests)) == ([], ["a.toml"])


def test_a_file_that_cannot_be_read_is_a_problem(understand, tmp_path):
    assert [problem.path for problem in documents(tmp_path, "gone.md", understand({})).problems] == ["gone.md"]
