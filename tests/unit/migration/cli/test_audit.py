import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from migration.cli.app import app

TARGET = "class UserExecutionEngine:\n    def __init__(self, context): ...\n"
TABLE = '[tool.netra-migration.audit]\ntarget = "pkg.target:UserExecutionEngine"\n'


@pytest.fixture
def tree(tmp_path) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/target.py").write_text(TARGET)
    (tmp_path / "pyproject.toml").write_text(TABLE)
    return tmp_path


@pytest.fixture
def run(tree, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["audit", str(tree), "--cache", str(cache), *arguments])

    return run


@pytest.fixture
def legacy(tree) -> None:
    (tree / "pkg/old.py").write_text("class ExecutionEngine: ...")
    (tree / "pkg/user.py").write_text("from pkg.old import ExecutionEngine\nx = 1\n")


def test_a_tree_with_nothing_to_do_is_0(run):
    assert run().exit_code == 0


@pytest.mark.usefixtures("legacy")
def test_an_implementation_that_has_to_go_is_1(run):
    result = run()
    assert result.exit_code == 1
    assert "old.py" in result.stdout


@pytest.mark.parametrize(
    "arguments", [["--config", "/nowhere.toml"], ["--config", "{tree}/pkg/target.py"], ["--sarif", "{tree}/pkg/target.py/below.sarif"]]
)
def test_wrong_use_is_2_and_says_what_to_do(run, tree, arguments):
    result = run(*(argument.format(tree=tree) for argument in arguments))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")


def test_a_folder_that_is_not_there_is_2():
    result = CliRunner().invoke(app, ["audit", "/nowhere"])
    assert (result.exit_code, "give the folder to audit" in result.stderr) == (2, True)


@pytest.mark.usefixtures("legacy")
def test_json_is_one_document_on_stdout_and_all_else_is_on_stderr(run, tree):
    (tree / "pkg/torn.py").write_text("class ExecutionEngine(:")
    result = run("--json")
    document = json.loads(result.stdout)
    assert document["consumer_files"] == 2  # the user, and the configuration that names the target
    assert "not audited: pkg/torn.py: unparsable" in result.stderr


@pytest.mark.usefixtures("legacy")
def test_files_are_written_where_they_are_wanted(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    run("--sarif", str(folder / "new/audit.sarif"), "--svg", str(folder / "graph.svg"), "--inventory", str(folder / "all.json"))
    assert json.loads((folder / "new/audit.sarif").read_text())["version"] == "2.1.0"
    assert (folder / "graph.svg").read_text().startswith("<svg")
    assert json.loads((folder / "all.json").read_text())["imports"][0]["path"] == "pkg/user.py"


def test_a_tree_without_the_family_is_told_how_to_look_for_another(tmp_path):
    result = CliRunner().invoke(app, ["audit", str(tmp_path), "--no-cache"])
    assert result.exit_code == 0
    assert "point [tool.netra-migration.audit] in pyproject.toml at your own" in result.stderr


@pytest.mark.usefixtures("legacy")
def test_another_configuration_may_be_named(run, tmp_path_factory):
    file = tmp_path_factory.mktemp("other") / "audit.toml"
    file.write_text('[tool.netra-migration.audit]\nclasses = ["*Motor"]\n')
    assert json.loads(run("--config", str(file), "--json").stdout)["implementations"] == []


@pytest.mark.usefixtures("legacy")
def test_nothing_is_written_into_the_tree(run, tree):
    before = sorted(tree.rglob("*"))
    run()
    assert sorted(tree.rglob("*")) == before
