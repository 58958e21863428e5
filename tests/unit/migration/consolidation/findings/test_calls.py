"""Calls of an implementation: what is called, and whether the callee's and the target's signatures take it."""

import pytest

from migration.consolidation.findings.calls import CallFinder, find_attribute_uses, find_subclasses
from migration.consolidation.findings.meaning import Meaning

TARGET = Meaning("object", "pkg.user_engine", "UserExecutionEngine")
FACTORY = Meaning("object", "pkg.factory", "ExecutionEngineFactory")
FROM = "from pkg.engine import ExecutionEngine, make_engine\n"


def calls(understand, text):
    understood = understand({"use.py": FROM + text})
    finder = CallFinder(understood.names, understood.facts, understood.family, TARGET, FACTORY)
    return [call for call in finder.calls() if call.path == "use.py"]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("engine = ExecutionEngine(1, 2)", "constructor", "ExecutionEngine"),
        ("make_engine(1)", "function", "make_engine"),
        ("make_engine(1).execute_agent(1)", "method", "ExecutionEngine.execute_agent"),
        ("class FastEngine(ExecutionEngine):\n    def __init__(self): super().__init__(1, 2)", "constructor", "ExecutionEngine.__init__"),
    ],
)
def test_a_call_is_found_with_its_kind(understand, text, kind, name):
    assert (kind, name) in [(call.kind, call.name) for call in calls(understand, text)]


@pytest.mark.parametrize("text", ["make_engine(1).engine_name()", "make_engine(1)()", "other_engine(1)"])
def test_a_property_an_instance_and_an_unknown_name_are_not_calls_of_it(understand, text):
    assert [call for call in calls(understand, text) if call.kind != "function"] == []


def test_a_call_that_fits_neither_signature_says_why_for_each(understand):
    [call] = calls(understand, "engine = ExecutionEngine(1)")
    assert call.misfit is not None
    assert "bridge" in call.misfit
    assert call.target_misfit is None  # the target takes one argument


def test_a_method_that_the_target_lacks_is_named(understand):
    [call] = [call for call in calls(understand, "ExecutionEngine.engine_of(1)") if call.kind == "method"]
    assert call.target_misfit == "UserExecutionEngine has no method engine_of"


@pytest.mark.parametrize("text", ["ExecutionEngine.execute_agent(engine, 1)", "ExecutionEngine.execute_agent(self=engine, context=1)"])
def test_a_method_called_on_the_class_takes_the_instance_first(understand, text):
    [call] = calls(understand, text)
    assert (call.misfit, call.target_misfit) == (None, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import pkg.engine\nx = pkg.engine.ExecutionEngine", [("pkg.engine", "ExecutionEngine")]),
        ("import pkg\nx = pkg.engine.make_engine", [("pkg.engine", "make_engine")]),
        ("import elsewhere\nx = elsewhere.engine.make_engine", []),
    ],
)
def test_a_name_reached_through_a_module_is_an_attribute_use(understand, text, found):
    understood = understand({"use.py": text})
    uses = find_attribute_uses(understood.names, understood.facts, understood.family)
    assert [(use.module, use.name) for use in uses if use.path == "use.py"] == found


def test_a_double_that_inherits_is_a_subclass_and_no_implementation(understand):
    understood = understand({"tests/use.py": FROM + "class SlowEngine(ExecutionEngine): ...\nclass Other: ..."})
    found = find_subclasses(understood.names, understood.facts, understood.family)
    assert [(one.name, one.inherits) for one in found] == [("SlowEngine", "pkg.engine:ExecutionEngine")]
