"""The codemod on the command line: a dry run by default, one JSON document, and exit codes that scripts can use."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app

FILES = {
    "pyproject.toml": (
        "[tool.netra-migration.audit]\ntarget = 'shop.target:UserEngine'\nfactory = 'shop.factory:EngineFactory'\nclasses = ['*Engine']\n"
        "[[tool.netra-migration.codemod.calls]]\nold = 'shop.old:OldEngine(r, u)'\nnew = 'shop.target:UserEngine({u})'\n"
    ),
    "shop/__init__.py": "",
    "shop/target.py": "class UserEngine:\n    def __init__(self, user): ...\n",
    "shop/old.py": "class OldEngine:\n    def __init__(self, r, u): ...\n",
    "use.py": "from shop.old import OldEngine\n\ndef f(u):\n    return OldEngine(1, u)\n",
}
NEW = "from shop.target import UserEngine\n\ndef f(u):\n    return UserEngine(u)\n"


@pytest.fixture
def codemod(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return lambda *arguments: CliRunner().invoke(app, ["codemod", *arguments])


def test_without_apply_only_the_difference_is_shown(codemod, tmp_path):
    done = codemod()
    assert done.exit_code == 1
    assert "--- a/use.py\n+++ b/use.py\n" in done.stdout
    assert "+from shop.target import UserEngine\n" in done.stdout
    assert (tmp_path / "use.py").read_text() == FILES["use.py"]


def test_apply_writes_and_a_second_run_has_nothing_to_do(codemod, tmp_path):
    assert codemod("--apply").exit_code == 0
    assert (tmp_path / "use.py").read_text() == NEW
    assert codemod().exit_code == 0


def test_what_is_left_by_hand_is_a_finding(codemod, tmp_path):
    (tmp_path / "other.py").write_text("from shop.old import OldEngine\nx = OldEngine(1)\n")
    done = codemod("--apply")
    assert done.exit_code == 1
    assert "other.py:2" in done.stdout
    assert "1 files rewritten; 1 places in 1 files by hand" in done.stderr


def test_json_is_one_document_on_stdout(codemod, tmp_path):
    (tmp_path / "other.py").write_text("from shop.old import OldEngine\nx = OldEngine(1)\n")
    document = json.loads(codemod("--json").stdout)
    assert document["applied"] is False
    assert document["legacy"] == ["shop.old"]
    assert [change["path"] for change in document["changes"]] == ["use.py"]
    assert document["by_hand"] == [
        {
            "path": "other.py",
            "line": 2,
            "module": "shop.old",
            "advice": "OldEngine(...): u is not passed, and the codemod must not invent it; pass it",
            "fails": True,
        }
    ]
    assert document["left"] == ["other.py"]


def test_what_fails_without_the_legacy_modules_is_told_from_what_only_names_them(codemod, tmp_path):
    (tmp_path / "other.py").write_text("from shop.old import OldEngine\nx = OldEngine(1)\n")
    (tmp_path / "words.py").write_text("NAME = 'shop.old.OldEngine'\n")
    document = json.loads(codemod("--json").stdout)
    assert {item["path"]: item["fails"] for item in document["by_hand"]} == {"other.py": True, "words.py": False}
    assert document["left"] == ["other.py"]
    assert "1 of these files fail without the legacy modules" in codemod().stderr


def test_json_prints_nothing_else_and_groups_the_work_by_cause(codemod, tmp_path):
    for name in ("other.py", "another.py"):
        (tmp_path / name).write_text("from shop.old import OldEngine\nx = OldEngine(1)\n")
    done = codemod("--json")
    assert done.stderr == ""
    (group,) = json.loads(done.stdout)["groups"]
    assert (group["places"], group["files"], group["example"]) == (2, 2, "another.py:2")


def test_one_place_is_explained_in_full_and_alone(codemod, tmp_path):
    for name in ("other.py", "another.py"):
        (tmp_path / name).write_text("from shop.old import OldEngine\nx = OldEngine(1)\n")
    done = codemod("--explain", "other.py:2")
    assert done.stdout == ""
    assert "by hand: other.py:2: OldEngine(...): u is not passed" in done.stderr
    assert "another.py:2" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "no such folder"),
        (["--rules", "nowhere.toml"], "no such file"),
        (["--config", "nowhere.toml"], "no such file"),
    ],
)
def test_wrong_use_is_exit_code_2(codemod, arguments, why):
    done = codemod(*arguments)
    assert done.exit_code == 2
    assert why in done.stderr
