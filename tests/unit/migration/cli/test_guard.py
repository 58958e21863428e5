"""The guard on the command line, as a pytest plugin, and as a hook of pre-commit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from migration.cli.app import app

ROOT = Path(__file__).parents[4]
FILES = {
    "pyproject.toml": (
        "[tool.netra-migration.audit]\ntarget = 'shop.target:UserEngine'\nfactory = 'shop.factory:EngineFactory'\nclasses = ['*Engine']\n"
        "[tool.pytest.ini_options]\nconsolidation_guard = 'consolidation-baseline.lock'\n"
    ),
    "shop/__init__.py": "",
    "shop/target.py": "class UserEngine:\n    def __init__(self, user): ...\n",
    "shop/old.py": "class OldEngine:\n    def __init__(self, r): ...\n",
    "use.py": "from shop.old import OldEngine\n\n\ndef f(): ...\n",
    "test_it.py": "def test_it(): ...\n",
}


@pytest.fixture
def guard(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return lambda *arguments: CliRunner().invoke(app, ["guard", *arguments])


def test_it_asks_for_a_baseline_and_then_finds_what_is_new(guard, tmp_path):
    assert guard().exit_code == 2
    assert guard("--accept").exit_code == 0
    assert guard().stdout == "1 implementations and 1 uses in 1 files are left\n"
    (tmp_path / "other.py").write_text(FILES["use.py"])
    done = guard()
    assert done.exit_code == 1
    assert done.stderr == "other.py: a new consumer of shop.old, which will be removed; use the target\n"
    assert guard("--update").exit_code == 1


def test_what_is_gone_makes_the_baseline_shrink_on_request(guard, tmp_path):
    guard("--accept")
    (tmp_path / "use.py").write_text("")
    assert guard().exit_code == 1
    assert guard("--update").exit_code == 0
    assert json.loads((tmp_path / "consolidation-baseline.lock").read_text())["consumers"] == {}
    (tmp_path / "use.py").write_text(FILES["use.py"])
    assert guard().exit_code == 1


def test_json_is_one_document_on_stdout(guard, tmp_path):
    guard("--accept")
    (tmp_path / "use.py").write_text(FILES["use.py"] * 2)
    document = json.loads(guard("--json").stdout)
    assert document["allowed"] == {"implementations": 1, "files": 1, "uses": 1}
    assert [(item["kind"], item["allowed"], item["found"]) for item in document["findings"]] == [("more-uses", 1, 2)]


def suite(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "migration.consolidation.pytest_guard", *arguments]
    # Plugins of libraries that happen to be installed here take longer than the suite.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True, env=environment)


def test_as_a_plugin_it_is_one_more_test_of_the_whole_suite(guard, tmp_path):
    guard("--accept")
    assert "2 passed" in suite(tmp_path).stdout
    (tmp_path / "other.py").write_text(FILES["use.py"])
    done = suite(tmp_path)
    assert done.returncode == 1
    assert "other.py: a new consumer of shop.old" in done.stdout
    assert "1 passed" in suite(tmp_path, "test_it.py").stdout


@pytest.mark.parametrize("name", [".pre-commit-config.yaml", ".pre-commit-hooks.yaml"])
def test_the_hooks_run_the_guard_on_the_whole_tree(name):
    document = yaml.safe_load((ROOT / name).read_text())
    (hook,) = document if isinstance(document, list) else document["repos"][0]["hooks"]
    assert hook["entry"].endswith("netra-migration guard")
    assert hook["always_run"]
    assert not hook["pass_filenames"]
