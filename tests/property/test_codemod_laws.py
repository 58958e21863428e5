"""What the codemod promises, on drawn projects: what worked works afterwards, also without the legacy modules where nothing is left."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.consolidation.codemod.decide.links import Links
from migration.consolidation.codemod.follow.escaping import Escapes
from tests.migration.codemod.kept import FROM, KEPT
from tests.migration.codemod.projects import FORMS, USES, project
from tests.migration.codemod.runs import check_in


def explore(folder: Path, projects: int, pieces: int) -> Counter[str]:
    """Check so many projects; return how many files were rewritten and left, and how many consumers work without the legacy modules."""
    found: Counter[str] = Counter()

    @settings(max_examples=projects, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def law(seed):
        found.update(check_in(folder, project(seed, pieces), again=seed % 4 == 0))
        found["projects"] += 1

    law()
    return found


def check_kept(folder: Path, use: str, form: str) -> None:
    """Check a use with a form of import, in two projects."""
    uses = [item for item in USES if item.name == use]
    forms = [item for item in FORMS if item.lines == form and not item.lazy] or [item for item in FORMS if item.lines == form]
    assert uses, use
    assert forms, form
    for seed in range(2):
        check_in(folder, project(seed, 1, uses, forms))


def test_what_worked_works_after_the_codemod_and_without_the_legacy_modules_where_nothing_is_left(tmp_path):
    found = explore(tmp_path / "project", 200, 2)
    assert found["rewritten"] >= 60
    assert found["free"] >= 60
    assert found["useless"] <= 5  # tests that fail before anything is changed, because two uses in one file disturb each other


@pytest.mark.parametrize(("use", "form"), KEPT)
def test_what_was_wrong_once_is_right(tmp_path, use, form):
    check_kept(tmp_path / "project", use, form)


def test_every_use_is_drawn():
    drawn = {name for seed in range(300) for piece in project(seed, 2).pieces for name in piece.uses}
    assert {use.name for use in USES} <= drawn


def test_the_laws_find_a_codemod_that_forgets_that_instances_are_handed_on(tmp_path, monkeypatch):
    monkeypatch.setattr(Escapes, "lines", lambda self: {})
    with pytest.raises(AssertionError):
        check_kept(tmp_path / "project", "method by getattr", FROM)


def test_the_laws_find_a_codemod_that_forgets_what_others_patch(tmp_path, monkeypatch):
    monkeypatch.setattr(Links, "_replace", lambda self, path, group: False)
    with pytest.raises(AssertionError):
        check_kept(tmp_path / "project", "patched old method by string", FROM)
