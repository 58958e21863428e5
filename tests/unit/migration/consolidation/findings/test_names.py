"""A name is followed to the object that it means, through whatever passes it on."""

import pytest

ENGINE = "pkg.engine:ExecutionEngine"


def member(understood, name="Engine", module="use"):
    meaning = understood.names.member(module, name)
    return meaning and (meaning.kind, meaning.text)


@pytest.mark.parametrize(
    "use",
    [
        "from pkg.engine import ExecutionEngine as Engine",
        "import pkg.engine\nEngine = pkg.engine.ExecutionEngine",
        "from pkg import engine\nEngine = engine.ExecutionEngine",
        "try:\n    from pkg.engine import ExecutionEngine as Engine\nexcept ImportError:\n    Engine = None",
        "try:\n    from pkg.gone import Engine\nexcept ImportError:\n    from pkg.engine import ExecutionEngine as Engine",
        "_TABLE = {'Engine': 'pkg.engine:ExecutionEngine'}\ndef __getattr__(name):\n    return load(_TABLE[name])",
    ],
    ids=["alias", "module", "from its package", "fallback of nothing", "fallback of another", "lazy table"],
)
def test_each_way_to_bring_a_class_in_leads_to_it(understand, use):
    assert member(understand({"use.py": use})) == ("object", ENGINE)


def test_a_chain_of_modules_that_pass_it_on_is_followed_to_its_end(understand):
    understood = understand({"a.py": "from pkg.engine import ExecutionEngine", "b.py": "from a import *", "use.py": "from b import *"})
    assert member(understood, "ExecutionEngine") == ("object", ENGINE)


@pytest.mark.parametrize(
    "module",
    ["from pkg.engine import ExecutionEngine\n__all__ = ['other']\nother = 1", "from pkg.engine import ExecutionEngine as _Engine"],
)
def test_a_star_import_brings_no_name_that_is_not_public(understand, module):
    understood = understand({"a.py": module, "use.py": "from a import *"})
    assert (member(understood, "ExecutionEngine"), member(understood, "_Engine")) == (None, None)


def test_modules_that_import_each_other_in_a_circle_mean_nothing(understand):
    assert member(understand({"use.py": "from other import Engine", "other.py": "from use import Engine"})) is None


def test_variables_that_all_depend_on_each_other_are_each_looked_up_once(understand):
    every = " or ".join(f"engine_{number}.next" for number in range(24))
    lines = (f"    engine_{number} = {every} or make_engine(1)" for number in range(24))
    understood = understand({"use.py": "\n".join(["from pkg.engine import make_engine", "def run():", *lines])})
    scope = next(number for number, scope in enumerate(understood.facts["use.py"].scopes) if scope.name == "run")
    meaning = understood.names.dotted("use.py", scope, "engine_7")
    assert (meaning.kind, meaning.text) == ("instance", ENGINE)


def test_a_definition_hides_what_is_imported_under_its_name(understand):
    assert member(understand({"use.py": "from pkg.engine import ExecutionEngine as Engine\nclass Engine: ..."})) == ("object", "use:Engine")


INSIDE = """
from pkg.engine import ExecutionEngine, make_engine

class Desk:
    engine: ExecutionEngine
    def __init__(self, engine: ExecutionEngine): self.kept_engine = engine
    def run(self, engine_given: "ExecutionEngine | None"):
        made_engine = make_engine(1)
        called_engine = ExecutionEngine(1, 2)
        chosen_engine = ExecutionEngine.engine_of(1)
"""


@pytest.mark.parametrize(
    "name",
    [
        "engine_given",
        "made_engine",
        "called_engine",
        "chosen_engine",
        "self.engine",
        "self.kept_engine",
        "make_engine()",
        "ExecutionEngine()",
    ],
)
def test_an_expression_inside_of_a_method_is_an_instance_by_what_gave_it_its_type(understand, name):
    understood = understand({"use.py": INSIDE})
    scope = next(n for n, scope in enumerate(understood.facts["use.py"].scopes) if scope.name == "Desk.run")
    meaning = understood.names.dotted("use.py", scope, name)
    assert (meaning.kind, meaning.text) == ("instance", ENGINE)


def test_a_method_is_found_where_it_is_inherited_from(understand):
    understood = understand(
        {"use.py": "from pkg.engine import ExecutionEngine\nclass FastEngine(ExecutionEngine): ...\nengine = FastEngine()"}
    )
    assert understood.names.dotted("use.py", 0, "engine.execute_agent").text == f"{ENGINE}.execute_agent"


def test_a_class_has_its_bases_after_itself(understand):
    understood = understand({"use.py": "from pkg.engine import ExecutionEngine\nclass FastEngine(ExecutionEngine): ..."})
    assert [base.text for base in understood.names.bases(understood.names.member("use", "FastEngine"))] == ["use:FastEngine", ENGINE]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("pkg.engine:ExecutionEngine", ENGINE),
        ("pkg.engine.ExecutionEngine", ENGINE),
        ("pkg.engine", "pkg.engine"),
        ("elsewhere.engine", None),
    ],
)
def test_a_string_names_a_module_or_an_object_of_the_tree(understand, text, meant):
    meaning = understand({"use.py": ""}).names.object_named("use.py", text)
    assert (meaning and meaning.text) == meant
