"""Whether anything that stays names control or its flag."""

import subprocess

import msgspec
import pytest

from migration.consolidation.auditing import audit
from migration.consolidation.inventory import Problem
from migration.consolidation.removal.readiness import code
from migration.consolidation.removal.readiness.flag_keys import flag_references
from migration.consolidation.removal.uses import uses_of


@pytest.fixture
def ask(tree):
    """Audits the tree and returns the criteria `consumers` and `strings` of a surface."""

    def asked(surface="chat", **changes):
        configuration, parts = tree.configuration, tree.manifest.of(surface)
        inventory = msgspec.structs.replace(audit(tree.root, configuration=configuration), **changes)
        uses = uses_of(parts, inventory, configuration)
        return code.consumers(parts, uses, inventory, configuration), code.strings(uses)

    return asked


def test_control_its_adapter_and_tests_are_no_consumers(ask):
    consumers, strings = ask()
    assert (consumers.met, strings.met) == (True, True)
    assert consumers.evidence["tests"] == ["tests/test_engine.py"]
    assert "1 test files" in consumers.detail


@pytest.mark.parametrize(
    "text",
    [
        "from pkg.engine import ExecutionEngine\n",
        "import pkg.engine\nENGINE = pkg.engine.ExecutionEngine\n",
        "def late():\n    from .engine import ExecutionEngine\n    return ExecutionEngine()\n",
        "from pkg.controls.chat import ExecutionEngine\n\nclass Mine(ExecutionEngine): ...\n",
    ],
)
def test_a_consumer_in_any_form_is_told_with_its_place(tree, ask, text):
    tree.write("pkg/consumer.py", text)
    consumers, _ = ask()
    assert not consumers.met
    assert "pkg/consumer.py:" in consumers.detail
    assert ask("tools")[0].met


PASSING_ON = 'from pkg.engine import ExecutionEngine as Engine\n\n__all__ = ["Engine"]\n'


def test_a_package_that_only_passes_an_engine_on_to_nobody_is_no_consumer(tree, ask):
    tree.write("pkg/offers/__init__.py", PASSING_ON)
    consumers, _ = ask()
    assert consumers.met
    assert consumers.evidence["passed_on"] == ["pkg/offers/__init__.py:1: import of pkg.engine"]
    assert "pkg/offers/__init__.py only re-export them" in consumers.detail


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pkg/taker.py", "from pkg.offers import Engine\n"),
        ("pkg/taker.py", "import pkg.offers\n\nENGINE = pkg.offers.Engine()\n"),
        ("pkg/offers/__init__.py", PASSING_ON + "\nENGINE = Engine()\n"),
        ("pkg/offers/__init__.py", "from pkg.engine import *\n"),
    ],
)
def test_whoever_takes_what_is_passed_on_is_a_consumer(tree, ask, path, text):
    tree.write("pkg/offers/__init__.py", PASSING_ON)
    tree.write(path, text)
    found = ask()[0]
    assert not found.met
    assert path in found.detail


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pkg/loading.py", 'import importlib\n\nENGINE = importlib.import_module("pkg.engine")\n'),
        ("settings.yaml", "engine: pkg.engine.ExecutionEngine\n"),
    ],
)
def test_a_name_in_a_string_is_told_with_its_place(tree, ask, path, text):
    tree.write(path, text)
    assert path in ask()[1].detail
    assert not ask()[1].met


def test_another_surface_s_control_is_a_consumer_until_it_is_gone(tree, ask):
    tree.append("pkg/controls/tools.py", "from pkg.engine import ExecutionEngine\n")
    assert not ask()[0].met


def test_an_engine_that_the_audit_does_not_know_has_no_known_consumers(tree, ask):
    (tree.root / "pkg/engine.py").rename(tree.root / "pkg/moved.py")
    found = ask()[0]
    assert not found.met
    assert "knows no implementation in pkg/engine.py" in found.detail


@pytest.mark.parametrize(("path", "met"), [("pkg/broken.py", False), ("tests/broken.py", True)])
def test_a_file_that_cannot_be_read_may_use_control(ask, path, met):
    found = ask(problems=(Problem(path=path, kind="unparsable", detail="line 1"),))[0]
    assert found.met is met


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("pkg/flagged.py", True),
        ("settings.toml", True),
        ("notes.md", True),
        ("docs/flags.md", False),
        ("migration/facade.py", False),
        ("tests/test_flag.py", False),
    ],
)
def test_only_the_half_that_goes_may_name_the_flag(tree, path, found):
    tree.write(path, 'key = "execution-engine-chat"\n')
    files = flag_references(tree.root, tree.configuration, ["chat", "tools"])
    assert files == {"chat": [path] if found else [], "tools": []}
    assert code.flags("chat", files["chat"]).met is not found


def test_the_flag_file_of_a_backend_that_was_started_here_is_no_reference(tree):
    tree.write("var/flags.json", '{"execution-engine-chat": 1}')
    tree.write("pkg/flagged.py", 'key = "execution-engine-chat"\n')
    for command in (["init", "-q"], ["add", "pkg"]):
        subprocess.run(["git", "-C", tree.root, *command], check=True, capture_output=True)
    assert flag_references(tree.root, tree.configuration, ["chat"]) == {"chat": ["pkg/flagged.py"]}


def test_nor_is_it_without_version_control_where_the_migration_has_its_folder(tree):
    tree.write("var/flags.json", '{"execution-engine-chat": 1}')
    tree.write("variant/flags.json", '{"execution-engine-chat": 1}')
    assert flag_references(tree.root, tree.configuration, ["chat"], tree.root / "var") == {"chat": ["variant/flags.json"]}
    assert flag_references(tree.root, tree.configuration, ["chat"], tree.root.parent) == {"chat": ["var/flags.json", "variant/flags.json"]}
