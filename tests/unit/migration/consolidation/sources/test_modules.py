import pytest

from migration.consolidation.sources.modules import ModuleNames

PATHS = (
    "app/__init__.py",
    "app/core/engine.py",
    "app/core/logging.py",
    "app/core/engine.pyi",
    "src/lib/__init__.py",
    "scripts/run.py",
    "scripts/near.py",
)


@pytest.fixture
def modules(tmp_path):
    return ModuleNames(tmp_path, PATHS, (".", "src"))


def test_a_file_has_the_name_that_it_is_imported_by(modules):
    assert modules.name("app/core/engine.py") == "app.core.engine"
    assert modules.name("app/__init__.py") == "app"
    assert modules.name("src/lib/__init__.py") == "lib"


def test_a_stub_does_not_hide_its_module(modules):
    assert modules.path("app.core.engine") == "app/core/engine.py"


def test_names_begin_with_the_package_that_the_root_lies_in(tmp_path):
    inner = tmp_path / "outer/inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    assert ModuleNames(inner, ["a/b.py"], (".",)).name("a/b.py") == "outer.inner.a.b"


@pytest.mark.parametrize(
    ("path", "level", "module", "absolute"),
    [
        ("app/core/engine.py", 0, "app.core", "app.core"),
        ("app/core/engine.py", 1, "near", "app.core.near"),
        ("app/core/engine.py", 2, "", "app"),
        ("app/core/engine.py", 3, "x", ""),  # above the top
        ("app/__init__.py", 1, "core", "app.core"),  # a package starts at itself
        ("scripts/run.py", 0, "near", "scripts.near"),  # a script finds its neighbours
        ("app/core/engine.py", 0, "core.other", "app.core.other"),  # so does one that puts a folder above it on the path
        ("app/core/engine.py", 0, "logging", "logging"),  # the standard library is not a neighbour
        ("app/core/engine.py", 0, "numpy", "numpy"),
        ("app/core/engine.py", 0, "engine.parts", "engine.parts"),  # a file does not import itself
    ],
)
def test_imports_are_made_absolute_as_python_does(modules, path, level, module, absolute):
    assert modules.absolute(path, level, module) == absolute


def test_a_folder_without_init_is_a_package(modules):
    assert modules.exists("scripts")
    assert modules.is_package("scripts")
    assert modules.path("scripts") is None
    assert not modules.exists("scripts.gone")
