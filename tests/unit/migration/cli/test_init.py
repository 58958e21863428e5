"""`init` writes what a project needs for one surface, once; what is there already stays as it is."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.comparison.policy import default_policy
from migration.settings import MigrationSettings

PAGE = Path(__file__).parents[4] / "docs" / "migration" / "adopt.md"
#: The page's engines. Of several versions of a file the first: the later ones no longer use the migration.
FILES = dict(reversed(re.findall(r"```python\n# (shop/(?:outside|old|new|engines)\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)))
ASKED = ("--engines", "shop.engines:build", "--record", '{"product": "lamp"}')


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project that has the engines of the page and nothing else."""
    (tmp_path / "shop").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NETRA_MIGRATION_PROJECT", raising=False)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield tmp_path
    for name in [one for one in sys.modules if one.partition(".")[0] == "shop"]:
        del sys.modules[name]


def init(*arguments, code=0):
    done = CliRunner().invoke(app, ["init", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }


def test_the_surface_can_be_used_at_once(project):
    init("shop", *ASKED)
    settings = MigrationSettings()
    policy = default_policy("shop", settings.project)
    assert (settings.surfaces, settings.engines) == (("shop",), "shop.engines:build")
    assert (policy.envelope.texts, policy.contract.last, policy.protected) == (("type",), "done", ("type",))
    assert "seen: price" in (project / "surfaces" / "shop.toml").read_text()


def test_the_first_parity_test_passes_and_finds_an_engine_that_differs(project, monkeypatch):
    init("shop", *ASKED)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # those of libraries that happen to be installed here take seconds
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_asyncio", "-W", "ignore", "tests"]
    assert subprocess.run(tests, cwd=project, capture_output=True, timeout=60, check=False).returncode == 0
    (project / "shop" / "new.py").write_text(FILES["shop/new.py"].replace('"cost"', '"price"'))
    failed = subprocess.run(tests, cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert failed.returncode == 1
    assert "divergent" in failed.stdout
    assert "cost" in failed.stdout


def test_a_second_call_changes_nothing_asks_nobody_and_says_so(project):
    init("shop", *ASKED)
    before = files(project)
    (project / "shop" / "engines.py").write_text("raise RuntimeError('asked again')")
    before["shop/engines.py"] = (project / "shop" / "engines.py").read_bytes()
    assert init("shop", *ASKED, code=1).count("kept") == 3
    assert files(project) == before


def test_files_of_the_project_are_kept(project):
    (project / "surfaces").mkdir()
    (project / "surfaces" / "shop.toml").write_text("# mine\n")
    init("shop")
    assert (project / "surfaces" / "shop.toml").read_text() == "# mine\n"


def test_what_pyproject_says_already_stays_with_its_comments(project):
    mine = '[project] # mine\nname = "shop"\nversion = "1"\n\n[tool.ruff]\nline-length = 88 # so\n'
    (project / "pyproject.toml").write_text(mine)
    init("shop", "--engines", "shop.engines:build")
    assert (project / "pyproject.toml").read_text().startswith(mine)


def test_a_second_surface_joins_the_first(project):
    init("shop", "--engines", "shop.engines:build")
    before = (project / "pyproject.toml").read_text()
    init("help-desk")
    after = (project / "pyproject.toml").read_text()
    assert tomllib.loads(after)["tool"]["netra-migration"]["surfaces"] == {
        "shop": "surfaces/shop.toml",
        "help-desk": "surfaces/help-desk.toml",
    }
    assert after.startswith(before.rstrip("\n"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("../shop",), "cannot be the name of a surface"),
        (("shop", "--record", "{}"), "--record needs engines"),
        (("shop", "--engines", "shop.engines:build", "--record", "{"), "is not JSON"),
        (("shop", "--engines", "shop.engines:build", "--record", "{}"), "failed with KeyError"),
        (("shop", "--engines", "shop.nothing:build", "--record", "{}"), "cannot be imported"),
    ],
)
def test_wrong_use_is_named_and_writes_nothing(project, arguments, said):
    before = files(project)
    assert said in init(*arguments, code=2)
    assert files(project) == before


def test_other_engines_than_the_project_names_are_refused(project):
    init("shop", "--engines", "shop.engines:build")
    before = files(project)
    assert "leave --engines out" in init("other", "--engines", "shop.engines:another", code=2)
    assert files(project) == before


def test_a_section_that_cannot_take_a_surface_is_left_as_it_is(project):
    (project / "pyproject.toml").write_text('[tool]\nnetra-migration = { engines = "shop.engines:build" }\n')
    before = files(project)
    assert "by hand" in init("shop", code=2)
    assert files(project) == before
