"""Small trees, not part of this repository, on which audit, codemod or guard did the wrong thing once. Each stands for its whole kind."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.consolidation.auditing import audit
from migration.consolidation.codemod.plan import plan_codemod
from migration.consolidation.codemod.report.applying import as_diff

CASES = Path(__file__).resolve().parents[4].parent / "shared" / "cases" / "audit"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this repository")


class Case:
    """One case, copied to an empty folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.plan = plan_codemod(root)
        self.after = {change.path: change.after.decode() for change in self.plan.changes}

    def told(self, path: str) -> str:
        return " ".join(item.advice for item in self.plan.advice if item.path == path)


@pytest.fixture
def case(tmp_path):
    def copied(name: str) -> Case:
        return Case(laid_out(name, tmp_path / name))

    return copied


def laid_out(name: str, root: Path) -> Path:
    shutil.copytree(CASES / "_base", root)
    shutil.copytree(CASES / name / "input", root, dirs_exist_ok=True)
    return root


#: The files that have to stay, each with a word of the reason that is reported.
REFUSED = {
    "all_in_other_forms": {"app/a.py": "cannot be rewritten", "app/c.py": "cannot be rewritten"},
    "evaluation_order_walrus": {"app/m.py": "another order"},
    "fixture_import_removed": {},
    "handed_on_in_a_container": {"app/m.py": "is not known"},
    "isinstance_of_something_else": {"tests/test_is.py": "cannot be seen"},
    "mock_patch_object": {"app/user.py": "patches a name here", "tests/test_user.py": "checks the arguments"},
    "parameter_used_before_rebinding": {"app/m.py": "may have another value"},
    "patch_start_asserted_later": {"app/user.py": "patches a name here", "tests/test_user.py": "checks the arguments"},
    "patch_target_by_constant": {"app/user.py": "patches a name here", "tests/test_user.py": "put together"},
    "probing_import_removed": {"tests/test_probe.py": "is looked at"},
    "pytest_monkeypatch_object": {"app/user.py": "patches a name here", "tests/test_user.py": "old arguments"},
    "walrus_in_a_comprehension": {"app/m.py": "is not known"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_not_be_touched_is_refused_with_its_reason(case, name):
    found = case(name)
    assert found.after == {}
    for path, reason in REFUSED[name].items():
        assert reason in found.told(path)


#: New texts that the codemod writes, and texts that it keeps.
REWRITTEN = {
    "alias_lost_when_unused_here": {"app/shim.py": ("from shop.target import UserEngine as X\n",)},
    "foreign_name_is_told_missing": {"app/b.py": ("from shop.ctx import Ctx\n",)},
    "name_passed_on_by_legacy_is_forgotten": {
        "app/a.py": ("from shop.target import UserEngine\n",),
        "app/d.py": ("from shop.target import UserEngine\n", "return UserEngine\n"),
    },
    "shadow_local_assignment": {"app/m.py": ("    Engine = dict\n    return Engine(r, u)\n", "return UserEngine(u, r).run(1)")},
    "shadow_module_alias": {"app/m.py": ("    legacy = r\n    return legacy.Engine(r, u)\n", "return UserEngine(u, r).run(1)")},
    "union_class_check_refused": {"app/a.py": ("case UserEngine():", "isinstance(x, UserEngine | int)")},
    "variable_set_through_global": {"app/m.py": ("UserEngine(user, registry)", "current.user_stats()")},
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_is_certain_is_rewritten(case, name):
    found = case(name)
    assert sorted(found.after) == sorted(REWRITTEN[name])
    for path, texts in REWRITTEN[name].items():
        for text in texts:
            assert text in found.after[path]


def test_a_shadowed_name_is_not_a_call(tmp_path):
    inventory = audit(laid_out("audit_counts_shadowed_calls", tmp_path / "case"))
    assert [call for call in inventory.calls if call.path == "app/m.py"] == []


def test_a_base_class_of_the_target_stays(tmp_path):
    inventory = audit(laid_out("base_of_target_has_to_go", tmp_path / "case"))
    assert "shop/base.py" not in [item.path for item in inventory.implementations]


def test_an_excluded_file_exists(tmp_path):
    assert audit(laid_out("excluded_subpackage_is_broken", tmp_path / "case")).broken_imports == ()


def test_a_mock_makes_no_implementation_of_its_module(tmp_path):
    inventory = audit(laid_out("fixture_import_removed", tmp_path / "case"))
    assert "shop/fix.py" not in [item.path for item in inventory.implementations]


def test_an_entry_point_to_an_alias_is_listed(tmp_path):
    inventory = audit(laid_out("alias_lost_when_unused_here", tmp_path / "case"))
    assert "app.shim:X" in [string.text for string in inventory.strings]


def test_a_lazy_branch_passes_its_name_on(tmp_path):
    inventory = audit(laid_out("lazy_getattr_by_if", tmp_path / "case"))
    assert {"app/lazy.py", "app/use.py"} <= {statement.path for statement in inventory.imports}
    assert {call.name for call in inventory.calls if call.path == "app/use.py"} == {"Engine", "Engine.run"}


def test_scripts_and_notebooks_are_consumers(tmp_path):
    inventory = audit(laid_out("scripts_and_notebooks", tmp_path / "case"))
    named = {item.path for item in (*inventory.imports, *inventory.strings)}
    assert {"app/x.pyw", "bin/run", "nb.ipynb", "run.sh"} <= named


def test_a_diff_with_a_form_feed_can_be_applied(case):
    found = case("diff_with_form_feed")
    (change,) = found.plan.changes
    patch = as_diff(change).encode("utf-8", errors="surrogateescape")
    subprocess.run(["patch", "-p1"], cwd=found.root, input=patch, check=True, capture_output=True)
    assert (found.root / change.path).read_bytes() == change.after


def test_the_guard_names_a_file_that_the_running_python_cannot_parse(tmp_path):
    if sys.version_info >= (3, 12):
        pytest.skip("the running Python can parse it")
    root = laid_out("newer_syntax_blinds_guard", tmp_path / "case")
    kept = (root / "app" / "new.py").read_text()
    (root / "app" / "new.py").unlink()
    assert CliRunner().invoke(app, ["guard", str(root), "--accept"]).exit_code == 0
    (root / "app" / "new.py").write_text(kept)
    done = CliRunner().invoke(app, ["guard", str(root), "--json"])
    assert done.exit_code == 1
    assert [finding["path"] for finding in json.loads(done.stdout)["findings"]] == ["app/new.py"]
