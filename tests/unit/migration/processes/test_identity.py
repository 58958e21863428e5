"""The build of engines: as it is named, or else by their code."""

import sys

import pytest

from migration.processes import engines_build
from migration.settings import MigrationSettings


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "shop_of_the_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "engines.py").write_text("one = 1")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop("shop_of_the_test", None)


def test_a_named_build_is_taken_as_it_is():
    assert engines_build(MigrationSettings(engines="shop.engines:build", build="4f2c")) == "4f2c"


def test_other_code_is_another_build(package):
    settings = MigrationSettings(engines="shop_of_the_test.engines:build")
    before = engines_build(settings)
    (package / "engines.py").write_text("one = 2")
    assert before
    assert engines_build(settings) not in {before, ""}


def test_engines_that_are_not_there_have_no_known_build():
    assert engines_build(MigrationSettings(engines="no_such_package_here:build")) == ""


def test_another_code_is_another_build_where_the_package_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    package = tmp_path / "ramped_shop"
    package.mkdir()
    (package / "engines.py").write_text("one = 1\n")
    settings = MigrationSettings(engines="ramped_shop.engines:build", import_path=(str(tmp_path),))
    before = engines_build(settings)
    (package / "engines.py").write_text("one = 2\n")
    assert engines_build(settings) not in {before, ""}
