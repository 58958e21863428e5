"""What an audit makes of trees of a few files, each about one thing."""

from pathlib import Path

import msgspec
import pytest

from migration.consolidation.auditing import audit
from migration.consolidation.inventory import Inventory
from migration.consolidation.sources import workers
from migration.errors import ConfigurationError

USER = "from pkg.engine import ExecutionEngine\n"


def _roles(inventory: Inventory) -> dict[str, str]:
    return {item.path: item.role for item in inventory.implementations if item.role != "target"}


def _import_places(inventory: Inventory) -> list[str]:
    return [f"{item.path}:{item.line}" for item in inventory.imports]


def test_nothing_of_the_tree_is_run(audit_tree, tmp_path):
    proof = tmp_path / "was-run"
    audit_tree({"pkg/trap.py": USER + f"open({str(proof)!r}, 'w')\n", "conftest.py": f"open({str(proof)!r}, 'w')\n"})
    assert not proof.exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no such folder"):
        audit(tmp_path / "gone")


def test_an_empty_tree_has_nothing(tmp_path):
    inventory = audit(tmp_path)
    assert (inventory.files, inventory.implementations, inventory.consumer_files) == (0, (), ())


def test_a_target_that_somebody_named_and_that_is_not_there_is_refused(tmp_path, configuration):
    with pytest.raises(ConfigurationError, match="no such class"):
        audit(tmp_path, configuration=msgspec.structs.replace(configuration, explicit=True))


class TestImplementations:
    def test_a_class_is_found_by_its_name(self, audit_tree):
        assert _roles(audit_tree({"pkg/fast.py": "class FastExecutionEngine: ..."}))["pkg/fast.py"] == "duplicate"

    def test_a_class_is_found_by_what_it_inherits_through_any_number_of_modules(self, audit_tree):
        inventory = audit_tree(
            {
                "pkg/first.py": USER + "class First(ExecutionEngine): ...",
                "pkg/second.py": "from pkg.first import First as Base\nclass Second(Base): ...",
                "pkg/third.py": "import pkg.second as second\nclass Third(second.Second): ...",
            }
        )
        found = {item.path: item.found_by for item in inventory.implementations}
        assert {found[f"pkg/{name}.py"] for name in ("first", "second", "third")} == {("inheritance",)}

    def test_a_class_is_found_by_the_methods_it_has_in_common_with_the_target(self, audit_tree):
        methods = "\n".join(f"    def {name}(self): ..." for name in ("execute_agent", "is_active", "cleanup"))
        (found,) = (item for item in audit_tree({"pkg/like.py": f"class Like:\n{methods}"}).implementations if item.path == "pkg/like.py")
        assert (found.found_by, found.shares) == (("shape",), ("execute_agent", "is_active", "cleanup"))

    def test_two_methods_in_common_are_chance(self, audit_tree):
        assert "pkg/like.py" not in _roles(audit_tree({"pkg/like.py": "class Like:\n def is_active(self): ...\n def cleanup(self): ..."}))

    @pytest.mark.parametrize(
        "text",
        [
            "from typing import Protocol\nclass AnyExecutionEngine(Protocol):\n    def is_active(self): ...",
            "import abc\nclass AnyExecutionEngine(abc.ABC):\n    @abc.abstractmethod\n    def is_active(self): ...",
        ],
    )
    def test_an_interface_is_none(self, audit_tree, text):
        assert "pkg/any.py" not in _roles(audit_tree({"pkg/any.py": text}))

    def test_a_test_double_is_none(self, audit_tree):
        assert list(_roles(audit_tree({"tests/unit/doubles.py": "class FakeExecutionEngine: ..."}))) == ["pkg/engine.py"]

    def test_a_class_inside_of_a_function_is_none(self, audit_tree):
        assert list(_roles(audit_tree({"pkg/a.py": "def f():\n    class LocalExecutionEngine: ..."}))) == ["pkg/engine.py"]

    @pytest.mark.parametrize(
        "text",
        [
            USER,
            USER + "__all__ = ['ExecutionEngine']",
            "from pkg.engine import *",
            USER + "Engine = ExecutionEngine",
            "import warnings\n" + USER + "warnings.warn('old', DeprecationWarning)\n__all__ = ['ExecutionEngine']",
            "try:\n    from pkg.engine import ExecutionEngine\nexcept ImportError:\n    pass",
        ],
    )
    def test_a_module_that_only_passes_one_on_is_a_reexport(self, audit_tree, text):
        assert _roles(audit_tree({"pkg/old.py": text}))["pkg/old.py"] == "re-export"

    @pytest.mark.parametrize(
        "text",
        [
            USER + "from os import path, sep",
            USER + "def f(): ...",
            USER + "LIMIT = 3",
            USER + "__version__ = '1.3'",
            USER + "import os\nseparator = os.sep",
            "import pkg.engine",
        ],
    )
    def test_a_module_that_does_more_is_a_consumer(self, audit_tree, text):
        inventory = audit_tree({"pkg/user.py": text})
        assert "pkg/user.py" not in _roles(inventory)
        assert "pkg/user.py" in inventory.consumer_files

    def test_an_import_of_what_a_consumer_has_of_its_own_counts_for_nobody(self, audit_tree):
        inventory = audit_tree({"pkg/_version.py": USER + "__version__ = '1.3'", "pkg/user.py": "from pkg._version import __version__"})
        assert _import_places(inventory) == ["pkg/_version.py:1"]

    def test_a_package_that_passes_one_on_is_seen_through(self, audit_tree):
        inventory = audit_tree({"pkg/sub/__init__.py": USER, "pkg/user.py": "from pkg.sub import ExecutionEngine\nx = 1"})
        assert "pkg/sub/__init__.py" not in _roles(inventory)
        assert {item.path: item.reaches for item in inventory.imports} == {
            "pkg/sub/__init__.py": ("pkg.engine",),
            "pkg/user.py": ("pkg.engine",),
        }

    @pytest.mark.parametrize(
        ("text", "role"),
        [
            ('"""DEPRECATED."""\nclass AExecutionEngine: ...', "deprecated"),
            ('class AExecutionEngine:\n    """Deprecated since 2."""', "deprecated"),
            ("class AExecutionEngine:\n    def __init__(self):\n        warn('x', DeprecationWarning)", "deprecated"),
            ("@deprecated('x')\nclass AExecutionEngine: ...", "deprecated"),
            ("class AExecutionEngine: ...", "duplicate"),
        ],
    )
    def test_a_role_is_read_from_the_code(self, audit_tree, text, role):
        assert _roles(audit_tree({"pkg/a.py": text}))["pkg/a.py"] == role

    def test_the_principal_class_is_the_longest_that_no_other_is_a_base_of(self, audit_tree):
        text = (
            "class AExecutionEngine: ...\nclass BExecutionEngine:\n    x = 1\n    y = 2\nclass CExecutionEngine(BExecutionEngine):\n"
            + "    z = 1\n" * 9
        )
        (found,) = (item for item in audit_tree({"pkg/many.py": text}).implementations if item.path == "pkg/many.py")
        assert (found.name, found.classes) == ("BExecutionEngine", ("AExecutionEngine", "BExecutionEngine", "CExecutionEngine"))


class TestConsumers:
    def test_a_name_is_followed_through_a_chain_of_new_names(self, audit_tree):
        inventory = audit_tree(
            {
                "pkg/a.py": "from pkg.engine import ExecutionEngine as Motor\nLIMIT = 1\n",
                "pkg/b.py": "from .a import Motor as Drive\nLIMIT = 1\n",
                "pkg/c.py": "from pkg import b\nGear = b.Drive\nLIMIT = 1\n",
                "pkg/d.py": "from pkg.c import *\nmade = Gear(1, 2)\n",
            }
        )
        assert _import_places(inventory) == ["pkg/a.py:1", "pkg/b.py:1", "pkg/d.py:1"]
        assert [(use.path, use.name) for use in inventory.attribute_uses] == [("pkg/c.py", "ExecutionEngine")]
        assert [(call.path, call.name) for call in inventory.calls] == [("pkg/d.py", "ExecutionEngine")]

    def test_a_circle_of_imports_ends(self, audit_tree):
        inventory = audit_tree(
            {
                "pkg/a.py": "from pkg.b import *\nfrom pkg.b import ExecutionEngine\nLIMIT = 1\n",
                "pkg/b.py": "from pkg.a import *\nfrom pkg.a import ExecutionEngine\nLIMIT = 1\n",
            }
        )
        assert _import_places(inventory) == []

    def test_a_private_name_does_not_come_with_a_star(self, audit_tree):
        inventory = audit_tree(
            {"pkg/a.py": "from pkg.engine import ExecutionEngine as _Engine\nLIMIT = 1\n", "pkg/b.py": "from pkg.a import *\n"}
        )
        assert _import_places(inventory) == ["pkg/a.py:1"]

    def test_a_new_name_that_a_star_brings_is_found_in_a_file_that_was_read_before_the_name_was_known(self, audit_tree):
        files = {
            "pkg/a.py": "from pkg.engine import ExecutionEngine as Motor\nLIMIT = 1\n",
            "pkg/b.py": "from pkg.a import *\nmade = Motor(1, 2)  # an ExecutionEngine?\n",
        }
        assert [(call.path, call.name) for call in audit_tree(files).calls] == [("pkg/b.py", "ExecutionEngine")]

    def test_a_private_name_that_a_star_does_not_bring_means_nothing(self, audit_tree):
        files = {
            "pkg/a.py": "from pkg.engine import ExecutionEngine as _Engine\nLIMIT = 1\n",
            "pkg/b.py": "from pkg.a import *\nmade = _Engine(1, 2)  # an ExecutionEngine?\n",
        }
        assert audit_tree(files).calls == ()

    def test_an_implementation_is_no_consumer_of_itself(self, audit_tree):
        text = "from pkg import engine\nfrom pkg.engine import *\nNAME = 'pkg.engine.ExecutionEngine'\nclass ExecutionEngine: ...\n"
        assert audit_tree({"pkg/engine.py": text}).consumer_files == ()

    def test_calls_of_the_factory_need_not_fit_the_target(self, audit_tree):
        files = {
            "pkg/factory.py": "class ExecutionEngineFactory:\n    def create(self, context): ...",
            "pkg/a.py": "from pkg.factory import ExecutionEngineFactory\nExecutionEngineFactory().create(1)\n",
        }
        assert [call.target_misfit for call in audit_tree(files).calls] == [None, None]

    def test_all_decides_what_a_star_brings(self, audit_tree):
        inventory = audit_tree({"pkg/a.py": USER + "LIMIT = 1\n__all__ = ['LIMIT']\n", "pkg/b.py": "from pkg.a import *\n"})
        assert _import_places(inventory) == ["pkg/a.py:1"]

    def test_a_script_that_imports_its_neighbour_is_a_consumer(self, audit_tree):
        assert _import_places(audit_tree({"pkg/tool.py": "from engine import ExecutionEngine\nx = 1\n"})) == ["pkg/tool.py:1"]

    def test_a_module_of_the_same_name_elsewhere_is_not_meant(self, audit_tree):
        inventory = audit_tree(
            {"other/engine.py": "class Motor: ...", "pkg/a.py": "from other.engine import Motor\nfrom other import engine\n"}
        )
        assert _import_places(inventory) == []

    def test_a_source_root_is_not_part_of_a_name(self, audit_tree):
        inventory = audit_tree(
            {"src/app/fast.py": "class FastExecutionEngine: ...", "src/app/use.py": "from app.fast import FastExecutionEngine\nx = 1"}
        )
        assert _import_places(inventory) == ["src/app/use.py:1"]

    def test_a_package_can_be_audited_from_inside(self, write_tree, configuration):
        root = write_tree({"pkg/user.py": USER + "x = 1"})
        inventory = audit(root / "pkg", configuration=configuration)
        assert [item.module for item in inventory.implementations] == ["pkg.user_engine", "pkg.engine"]
        assert _import_places(inventory) == ["user.py:1"]

    def test_a_configured_role_is_kept_when_a_package_is_audited_from_inside(self, write_tree, tmp_path):
        (tmp_path / "pyproject.toml").write_text(
            "[tool.netra-migration.audit]\n"
            'target = "pkg.user_engine:UserExecutionEngine"\nroles = {"pkg/engine.py" = "duplicate: says who"}'
        )
        inventory = audit(write_tree({}) / "pkg")
        assert [(item.role, item.reason.partition(";")[0]) for item in inventory.legacy] == [("duplicate", "says who")]

    def test_an_alias_that_kept_the_name_and_lost_the_signature_is_seen(self, audit_tree):
        text = "from pkg.user_engine import UserExecutionEngine as ExecutionEngine\nmade = ExecutionEngine(registry, bridge)\n"
        (call,) = audit_tree({"pkg/a.py": text}).calls
        assert call.misfit == "takes at most 1 positional argument, is given 2"

    def test_what_the_target_would_refuse_is_told(self, audit_tree):
        text = USER + "async def f(x):\n    engine = ExecutionEngine(1, 2)\n    await engine.execute_agent(x, x)\n"
        constructor, method = audit_tree({"pkg/a.py": text}).calls
        assert (constructor.misfit, method.misfit) == (None, None)
        assert constructor.target_misfit == "takes at most 1 positional argument, is given 2"
        assert method.target_misfit == "takes at most 1 positional argument, is given 2"

    def test_a_method_that_the_target_lacks_is_told(self, audit_tree):
        files = {
            "pkg/engine.py": "class ExecutionEngine:\n    def warm_up(self): ...",
            "pkg/a.py": USER + "engine = ExecutionEngine()\nengine.warm_up()\n",
        }
        assert [call.target_misfit for call in audit_tree(files).calls][1] == "UserExecutionEngine has no method warm_up"

    @pytest.mark.parametrize(
        "text",
        [
            "@dataclass\nclass ExecutionEngine:\n    registry: object",
            "class ExecutionEngine(NamedTuple):\n    registry: object",
            "class ExecutionEngine(Unknown): ...",
            "class ExecutionEngine:\n    def __new__(cls, *args): ...",
        ],
    )
    def test_a_constructor_that_cannot_be_known_refuses_nothing(self, audit_tree, text):
        (call,) = audit_tree({"pkg/engine.py": text, "pkg/a.py": USER + "made = ExecutionEngine(1, 2, 3, x=4)\n"}).calls
        assert call.misfit is None

    def test_an_inherited_constructor_counts(self, audit_tree):
        files = {
            "pkg/engine.py": "class A:\n    def __init__(self, x): ...\nclass ExecutionEngine(A): ...",
            "pkg/a.py": USER + "made = ExecutionEngine()\n",
        }
        assert [call.misfit for call in audit_tree(files).calls] == ["misses x"]

    @pytest.mark.parametrize(
        ("text", "shapes"),
        [
            ("async def f(e, x):\n    await ExecutionEngine.execute_agent(e, x)\n", [(1, (), None)]),
            ("async def f(e, x):\n    await ExecutionEngine.execute_agent(e, x, user=x)\n", [(1, ("user",), None)]),
            (
                "async def f(e, x):\n    await ExecutionEngine.execute_agent(e, x, x, x)\n",
                [(3, (), "takes at most 2 positional arguments, is given 3")],
            ),
            ("async def f(e, x):\n    await ExecutionEngine.execute_agent(self=e, context=x)\n", [(0, ("context",), None)]),
            ("async def f(*x):\n    await ExecutionEngine.execute_agent(*x)\n", [(0, (), None)]),
            ("Motor = ExecutionEngine\nasync def f(e, x):\n    await Motor.execute_agent(e, x)\n", [(1, (), None)]),
            ("class Sub(ExecutionEngine):\n    def __init__(self, x):\n        ExecutionEngine.__init__(self, x, x)\n", [(2, (), None)]),
            ("class Sub(ExecutionEngine):\n    def __init__(self, x):\n        super().__init__(x, x)\n", [(2, (), None)]),
            ("engine = ExecutionEngine(1, 2)\nasync def f(x):\n    await engine.execute_agent(x)\n", [(2, (), None), (1, (), None)]),
        ],
    )
    def test_an_instance_that_is_given_to_a_method_of_its_class_is_no_argument(self, audit_tree, text, shapes):
        calls = audit_tree({"pkg/a.py": USER + text}).calls
        assert [(call.positional, call.keywords, call.misfit) for call in calls] == shapes

    def test_static_and_class_methods_take_all_that_they_are_given(self, audit_tree):
        files = {
            "pkg/engine.py": "class ExecutionEngine:\n @classmethod\n def make(cls, x): ...\n @staticmethod\n def check(x): ...",
            "pkg/a.py": USER + "ExecutionEngine.make(1)\nExecutionEngine.check(1)\n",
        }
        assert [(call.positional, call.misfit) for call in audit_tree(files).calls] == [(1, None), (1, None)]

    def test_the_target_is_asked_without_the_instance_too(self, audit_tree):
        text = USER + "async def f(e, x):\n    await ExecutionEngine.execute_agent(e, x)\n"
        assert [call.target_misfit for call in audit_tree({"pkg/a.py": text}).calls] == [None]


class TestBrokenImports:
    @pytest.mark.parametrize(
        "text",
        [
            "from third_party.execution_engine import ExecutionEngine",
            "from pkg.made_up import ExecutionEngine",
            "from pkg.starred import ExecutionEngine",
        ],
        ids=["installed elsewhere", "the module makes names up", "a star import of something that is not here"],
    )
    def test_what_cannot_be_judged_is_not(self, audit_tree, text):
        files = {"pkg/made_up.py": "def __getattr__(name): ...", "pkg/starred.py": "from numpy import *", "pkg/a.py": text + "\nx = 1\n"}
        assert audit_tree(files).broken_imports == ()

    def test_a_name_that_a_module_does_not_have_is_told_though_the_module_names_nothing_of_the_family(self, audit_tree):
        (broken,) = audit_tree({"pkg/plain.py": "x = 1", "pkg/a.py": "from pkg.plain import ExecutionEngine\n"}).broken_imports
        assert (broken.module, broken.name, broken.guarded) == ("pkg.plain", "ExecutionEngine", False)

    def test_a_module_that_does_not_parse_is_not_said_to_lack_anything(self, audit_tree):
        inventory = audit_tree({"pkg/torn.py": "class ExecutionEngine(:", "pkg/a.py": "from pkg.torn import ExecutionEngine\nx = 1"})
        assert (inventory.broken_imports, [problem.path for problem in inventory.problems]) == ((), ["pkg/torn.py"])


def test_two_processes_find_what_one_finds(write_tree, configuration, monkeypatch):
    root = write_tree({f"pkg/user{number}.py": USER + f"made = ExecutionEngine({number})\n" for number in range(40)})
    alone = audit(root, configuration=configuration)
    monkeypatch.setattr(workers, "_FEW", 2)
    monkeypatch.setattr(workers, "_VERY_FEW", 2)
    assert audit(root, configuration=configuration) == alone


def test_a_file_that_goes_while_it_is_audited_is_a_problem(write_tree, configuration, monkeypatch):
    root = write_tree({"pkg/user.py": USER})
    read = workers.read_bytes

    def gone(folder: str | Path, path: str):
        (root / "pkg/user.py").unlink(missing_ok=True)
        return read(folder, path)

    monkeypatch.setattr(workers, "read_bytes", gone)
    assert [(problem.path, problem.kind) for problem in audit(root, configuration=configuration).problems] == [
        ("pkg/user.py", "unreadable")
    ]
