"""Rules are read strictly: what cannot mean anything is refused, with the place and what to write instead."""

import pytest

from migration.consolidation.codemod.configuration import load_codemod_configuration
from migration.consolidation.codemod.rules import ObjectName, Parameter, Placeholder, parse_rule
from migration.errors import ConfigurationError


def test_a_rule_knows_its_parameters_by_how_they_may_be_given():
    rule = parse_rule("a.b:Engine(config=a.c:Config(), registry, user=..., most=3)", "x.y:New({registry})", "here")
    assert rule.parameters == (
        Parameter("config", "pinned", "a.c:Config()"),
        Parameter("registry", "required"),
        Parameter("user", "any"),
        Parameter("most", "pinned", "3"),
    )


def test_the_new_form_is_text_with_arguments_and_objects_in_it():
    rule = parse_rule("await a.b:Engine.stats()", "x.y:tell({self}, key='a:b')", "here")
    assert (rule.callee, rule.awaited, rule.awaits) == ("a.b:Engine.stats", True, False)
    assert rule.new == (ObjectName("x.y", "tell"), "(", Placeholder("self"), ", key='a:b')")


def test_a_parameter_may_be_given_to_a_method_instead():
    rule = parse_rule("a.b:Engine(registry, user@execute_agent)", "{user}", "here")
    assert rule.parameters == (Parameter("registry", "required"), Parameter("user", "required", method="execute_agent"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("a.b:Engine(x@)", "{x}", "is not a parameter"),
        ("a.b:Engine(x@y=3)", "{x}", "is not a parameter"),
        ("a.b.Engine(x)", "{x}", "is not a `module:name"),
        ("a.b:Engine(*x)", "{x}", "is not a parameter"),
        ("a.b:Engine(x=)", "f()", "is not a parameter"),
        ("a.b:Engine(x)", "{x", "is not an expression"),
        ("a.b:Engine(x=...)", "f({x})", "does not require"),
        ("a.b:Engine(x)", "f({y})", "does not require"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(old, new, why):
    with pytest.raises(ConfigurationError, match=f"^here: .*{why}"):
        parse_rule(old, new, "here")


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("call = 1", "unknown field"),
        ("names = { 'a.b' = 'c:D' }", "is not a `module:Name`"),
        ("factory = 'here'", "is not a `module:Name`"),
        ("calls = [{ old = 'a:b()' }]", "missing required field"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, table, why):
    (tmp_path / "pyproject.toml").write_text(f"[tool.netra-migration.codemod]\n{table}\n")
    with pytest.raises(ConfigurationError, match=why):
        load_codemod_configuration(tmp_path)


def test_the_seven_have_rules_for_their_methods_and_for_constructors_once_the_factory_is_named(tmp_path):
    constructor = "netra_backend.app.agents.supervisor.execution_engine:ExecutionEngine"
    assert constructor not in load_codemod_configuration(tmp_path).rules
    assert f"{constructor}.execute_agent" in load_codemod_configuration(tmp_path).rules
    (tmp_path / "pyproject.toml").write_text("[tool.netra-migration.codemod]\nfactory = 'app.main:FACTORY'\n")
    (rule,) = load_codemod_configuration(tmp_path).rules[constructor]
    assert rule.new == ("await ", ObjectName("app.main", "FACTORY"), ".create_for_user(", Placeholder("user_context"), ")")


def test_own_rules_come_before_those_for_the_seven(tmp_path):
    callee = "netra_backend.app.agents.supervisor.execution_engine:ExecutionEngine.shutdown"
    (tmp_path / "pyproject.toml").write_text(f"[[tool.netra-migration.codemod.calls]]\nold = '{callee}()'\nnew = 'own({{self}})'\n")
    assert [rule.new[0] for rule in load_codemod_configuration(tmp_path).rules[callee]] == ["own(", Placeholder("self")]


@pytest.mark.parametrize("named", ["pyproject.toml", "missing.toml", "empty.toml"])
def test_a_file_of_rules_that_has_none_is_refused(tmp_path, named):
    (tmp_path / "pyproject.toml").write_text(f'[tool.netra-migration.codemod]\nrules = "{named}"\n')
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(ConfigurationError, match=named):
        load_codemod_configuration(tmp_path)


def test_rules_may_stand_in_a_file_of_their_own(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.netra-migration.codemod]\nrules = 'rules.toml'\nfactory = 'app.main:FACTORY'\n")
    (tmp_path / "rules.toml").write_text(
        "[tool.netra-migration.codemod]\nconstructors = ['old.engine:Engine(user)']\ncreate = 'make({user})'\n"
    )
    (rule,) = load_codemod_configuration(tmp_path).rules["old.engine:Engine"]
    assert rule.new == ("await ", ObjectName("app.main", "FACTORY"), ".make(", Placeholder("user"), ")")
