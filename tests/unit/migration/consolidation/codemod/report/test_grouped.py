"""The work by hand is told cause by cause, and in full for one place."""

from migration.consolidation.codemod.report.grouped import explained, grouped
from migration.consolidation.codemod.report.values import Advice


def advice(path, line, text, *, fails=True, module="shop.legacy"):
    return Advice(path=path, line=line, module=module, advice=text, fails=fails)


MANY = [
    advice("a.py", 3, "a logger has its name", fails=False),
    advice("b.py", 1, "a/use.py:12 still takes a name from here"),
    advice("c.py", 7, "an instance of line 4 may get to x.py:9; rewrite it"),
    advice("c.py", 8, "an instance of line 5 may get to y.py:1; rewrite it"),
]


def test_places_with_one_cause_are_one_group_and_what_fails_comes_first():
    groups = grouped(MANY)
    assert [(group.cause, len(group.places), group.files, group.example) for group in groups] == [
        ("an instance of line ... may get to ...; rewrite it", 2, 1, "c.py:7"),
        ("... still takes a name from here", 1, 1, "b.py:1"),
        ("a logger has its name", 1, 1, "a.py:3"),
    ]


def test_one_place_or_one_file_is_explained_in_full():
    assert explained(MANY, "c.py:8") == (MANY[3],)
    assert explained(MANY, "c.py") == (MANY[2], MANY[3])
