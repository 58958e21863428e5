"""What a closer look at expressions finds: calls, uses, strings, and what gives a variable its type."""

import pytest

from migration.consolidation.reading.expressions import absolute_name
from migration.consolidation.reading.facts import Question
from migration.consolidation.reading.reader import read_source

QUESTION = Question(("ngine",), (), ())


def facts(text):
    found = read_source(text.encode(), "a.py", QUESTION)
    assert found.problem is None
    return found


@pytest.mark.parametrize(
    ("text", "by", "values"),
    [
        ("engine = make_engine()", "call", ("make_engine()",)),
        ("engine = other.engine", "value", ("other.engine",)),
        ("engine: Engine = None", "instance", ("Engine",)),
        ("engine = first_engine or second", "value", ("first_engine", "second")),
        ("engine = first_engine if x else second", "value", ("first_engine", "second")),
        ("with open_engine() as engine: ...", "scope", ("open_engine()",)),
        ("if (engine := make_engine()): ...", "call", ("make_engine()",)),
        ("engine = import_module('pkg.engine')", "import", ("pkg.engine",)),
        ("engine = import_module('.engine', 'pkg.sub')", "import", ("pkg.sub.engine",)),
    ],
)
def test_a_variable_has_its_type_from_what_it_is_given(text, by, values):
    assert next((one.by, one.values) for one in facts(text).bindings if one.name == "engine") == (by, values)


@pytest.mark.parametrize(
    ("text", "positional", "keywords", "unpacks"),
    [
        ("run_engine(1, 2, a=3)", 2, ("a",), False),
        ("run_engine(1, *more)", 1, (), True),
        ("run_engine(a=1, **more)", 0, ("a",), True),
        ("get(1).engine(1)", 1, (), False),
    ],
)
def test_a_call_is_found_with_the_shape_of_its_arguments(text, positional, keywords, unpacks):
    [call] = facts(text).calls
    assert (call.positional, call.keywords, call.unpacks) == (positional, keywords, unpacks)


def test_an_attribute_of_self_belongs_to_the_class():
    found = facts("class A:\n    def f(self):\n        self.engine = make_engine()\n")
    assert [(one.scope, one.name) for one in found.bindings] == [(1, "self.engine")]


def test_a_parameter_has_the_type_of_its_annotation_in_the_scope_of_its_function():
    found = facts("def f(engine: Engine): ...")
    assert [(one.scope, one.name, one.by) for one in found.bindings] == [(1, "engine", "instance")]


@pytest.mark.parametrize(
    ("text", "callee", "flows_to", "package"),
    [
        ("run('pkg.engine')", "run", "", ""),
        ("names = ['pkg.engine']", "", "names", ""),
        ("import_module('.engine', package=__package__)", "import_module", "", "__package__"),
        ("names = list_of('pkg.engine')", "list_of", "names", ""),
    ],
)
def test_a_string_says_who_takes_it(text, callee, flows_to, package):
    [string] = facts(text).strings
    assert (string.callee, string.flows_to, string.package) == (callee, flows_to, package)


@pytest.mark.parametrize(
    ("text", "flow"),
    [
        ("for name in engines: import_module(name)", ("engines", "name")),
        ("for key, name in engines.items(): import_module(name)", ("engines", "name")),
        ("[import_module(name) for name in engines]", ("engines", "name")),
        ("name = engines['a']; import_module(name)", ("engines", "name")),
        ("@pytest.mark.parametrize('name', ['engine'])\ndef f(name): import_module(name)", ("name[]", "name")),
    ],
)
def test_what_is_in_a_collection_flows_into_the_variable_of_its_loop(text, flow):
    found = facts(text)
    assert flow in found.flows
    assert found.imported_variables == ("name",)


def test_the_line_of_a_name_in_a_long_string_is_its_own():
    assert [string.line for string in facts('x = """\none\npkg.engine\n"""').strings] == [3]


@pytest.mark.parametrize(
    ("name", "package", "absolute"),
    [(".a", "p.q", "p.q.a"), ("..a", "p.q", "p.a"), ("...a", "p.q", None), (".a", "", None), (".a", "__package__", None)],
)
def test_a_relative_name_is_made_absolute_as_far_as_its_package_is_known(name, package, absolute):
    assert absolute_name(name, package) == absolute
