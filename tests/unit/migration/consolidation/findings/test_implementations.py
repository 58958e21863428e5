"""Which classes belong to the family, by what evidence, and which role each module has."""

import pytest

SHAPE = "\n    def execute_agent(self): ...\n    def get_stats(self): ...\n    def is_active(self): ...\n"


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("class FastExecutionEngine: ...", ("name",)),
        ("from pkg.engine import ExecutionEngine\nclass Runner(ExecutionEngine): ...", ("inheritance",)),
        (f"class Runner:{SHAPE}", ("shape",)),
        (f"class FastExecutionEngine:{SHAPE}", ("name", "shape")),
    ],
)
def test_a_class_belongs_by_its_name_its_base_or_its_shape(understand, text, evidence):
    (found,) = understand({"shop.py": text}).family.classes["shop"].values()
    assert found == evidence


@pytest.mark.parametrize(
    "text",
    [
        "class Runner:\n    def execute_agent(self): ...",
        f"class ExecutionEngine(Protocol):{SHAPE}",
        "class ExecutionEngine(ABC):\n    @abstractmethod\n    def execute_agent(self): ...",
    ],
    ids=["one method is no shape", "protocol", "abstract"],
)
def test_an_interface_and_a_class_that_shares_little_do_not_belong(understand, text):
    assert "shop" not in understand({"shop.py": text}).family.classes


@pytest.mark.parametrize(
    ("path", "text", "role", "name"),
    [
        ("pkg/user_engine.py", None, "target", "UserExecutionEngine"),
        ("pkg/engine.py", None, "deprecated", "ExecutionEngine"),
        ("shop.py", "class FastExecutionEngine: ...", "duplicate", "FastExecutionEngine"),
        ("shop.py", "from pkg.engine import ExecutionEngine", "re-export", "ExecutionEngine"),
        ("shop.py", 'class FastExecutionEngine:\n    """Deprecated."""', "deprecated", "FastExecutionEngine"),
    ],
)
def test_a_module_of_the_family_has_a_role(understand, path, text, role, name):
    described = {one.path: one for one in understand({path: text} if text else {}).family.describe(())}
    assert (described[path].role, described[path].name) == (role, name)


def test_a_module_with_other_content_than_what_it_passes_on_is_no_re_export(understand):
    assert "shop" not in understand({"shop.py": "from pkg.engine import ExecutionEngine\nother = 1"}).family.modules


def test_the_longest_class_that_is_not_a_subclass_stands_for_a_module(understand):
    text = (
        "class SmallExecutionEngine: ...\nclass ExecutionEngine:\n    x = 1\n    y = 2\nclass BigExecutionEngine(ExecutionEngine):"
        + "\n    z = 3" * 9
    )
    described = {one.path: one for one in understand({"shop.py": text}).family.describe(())}
    assert described["shop.py"].name == "ExecutionEngine"


def test_the_reason_says_what_is_shared_with_the_target(understand):
    described = {one.path: one for one in understand({}).family.describe(())}
    assert "shares execute_agent with the target" in described["pkg/engine.py"].reason


def test_methods_of_the_family_are_public_ones_and_other_constructors(understand):
    assert understand({}).family.methods() == {"execute_agent", "get_stats", "is_active", "engine_name", "engine_of"}
