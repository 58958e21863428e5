"""`[tool.netra-migration]`: what a project says of itself, and how it is found."""

import pytest

from migration.comparison.policy import default_policy
from migration.composition import check_configuration, compose
from migration.errors import ConfigurationError, UnconfiguredSurfaceError
from migration.project import find_project, read_project
from migration.settings import MigrationSettings

POLICY = 'surface = "support"\nversion = 1\n\n[envelope]\ntexts = ["type"]\n'
PROJECT = """
[tool.netra-migration]
engines = "shop.engines:build"
ledger = "accepted"
import-path = ["src"]

[tool.netra-migration.surfaces]
support = "migration/support.toml"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NETRA_MIGRATION_PROJECT", raising=False)
    (tmp_path / "migration").mkdir()
    (tmp_path / "migration" / "support.toml").write_text(POLICY)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


def test_what_the_project_says_is_the_default_of_the_settings(project):
    settings = MigrationSettings()
    assert (settings.engines, settings.surfaces) == ("shop.engines:build", ("support",))
    assert (settings.ledger_dir, settings.import_path) == (project / "accepted", (str(project / "src"),))


def test_a_variable_wins_over_the_project(project, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_ENGINES", "other:build")
    assert MigrationSettings().engines == "other:build"


def test_the_project_is_found_from_a_folder_below_it(project, monkeypatch):
    monkeypatch.chdir(project / "migration")
    assert MigrationSettings().project == project / "pyproject.toml"


def test_a_pyproject_without_the_table_is_passed_over(project):
    inner = project / "migration"
    (inner / "pyproject.toml").write_text("[project]\nname = 'inner'\n")
    assert find_project(inner) == project / "pyproject.toml"


def test_the_setting_names_the_project_from_anywhere(project, monkeypatch):
    monkeypatch.chdir("/")
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(project))
    assert MigrationSettings().surfaces == ("support",)


def test_an_unknown_key_is_refused_with_its_line(project):
    (project / "pyproject.toml").write_text(PROJECT.replace("ledger =", "legder ="))
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml:4: .*legder"):
        read_project(project / "pyproject.toml")


def test_a_surface_that_is_not_configured_is_refused_with_what_to_write(project):
    with pytest.raises(UnconfiguredSurfaceError, match=r"unknown surface 'sales'; use one of: support; .*sales = .*pyproject\.toml"):
        default_policy("sales")


def test_without_a_project_the_error_says_where_one_is_looked_for(monkeypatch):
    monkeypatch.chdir("/")
    monkeypatch.delenv("NETRA_MIGRATION_PROJECT", raising=False)
    with pytest.raises(UnconfiguredSurfaceError, match=r"none with \[tool\.netra-migration\].*NETRA_MIGRATION_PROJECT"):
        default_policy("support")


def test_a_file_of_another_surface_is_refused(project):
    (project / "migration" / "support.toml").write_text(POLICY.replace("support", "sales"))
    with pytest.raises(ConfigurationError, match=r"'sales'.*'support'"):
        default_policy("support")


def test_a_policy_is_the_same_object_until_its_file_changes(project):
    first = default_policy("support")
    assert default_policy("support") is first
    (project / "migration" / "support.toml").write_text(POLICY.replace("version = 1", "version = 22"))
    assert default_policy("support").version == 22


@pytest.mark.parametrize(
    ("wrong", "line", "what"),
    [
        ("[envelope", 8, ""),
        ('[[rules]]\nid = "a"\npaths = ["x"]\naction = "mask"\n', 8, "reason"),
        ('[[rules]]\nid = "a"\npaths = ["x"]\naction = "msk"\nreason = ""\n', 11, "msk"),
        ('[contract]\nlast = "end"\n\n[[latency]]\nmetric = "engine_s"\nratio = "2"\nexcess_s = 1\n', 13, "float"),
        ('[tools]\nread_only = ["look"]\nirreversible = ["look"]\n', 10, "'look'"),
        ("[[endings]]\noutcome = 'lost'\nlast = { kind = 'end' }\n", 9, "lost"),
    ],
)
def test_what_is_wrong_in_a_policy_is_refused_at_start_with_its_line(project, wrong, line, what):
    (project / "migration" / "support.toml").write_text(POLICY + "\n\n" + wrong)
    with pytest.raises(ConfigurationError, match=rf"support\.toml:{line}: .*{what}"):
        check_configuration(MigrationSettings())


def test_a_tool_cannot_be_read_only_on_one_surface_and_irreversible_on_another(project):
    (project / "pyproject.toml").write_text(PROJECT + 'sales = "migration/sales.toml"\n')
    (project / "migration" / "support.toml").write_text(POLICY + '[tools]\nread_only = ["look"]\n')
    (project / "migration" / "sales.toml").write_text(POLICY.replace("support", "sales") + '[tools]\nirreversible = ["look"]\n')
    with pytest.raises(ConfigurationError, match="'look' is irreversible on sales"):
        check_configuration(MigrationSettings())


def test_a_variable_that_is_empty_names_no_project_so_one_is_looked_for(project, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", "")
    settings = MigrationSettings()
    assert (settings.project, settings.surfaces) == (project / "pyproject.toml", ("support",))


def test_the_settings_name_the_file_of_a_project_that_is_named_by_its_folder(project, monkeypatch):
    monkeypatch.chdir("/")
    monkeypatch.setenv("netra_migration_project", str(project))
    settings = MigrationSettings()
    assert (settings.project, settings.surfaces) == (project / "pyproject.toml", ("support",))


@pytest.mark.parametrize(("engines", "said"), [({"sales": {}}, "unknown surface 'sales'"), ({"support": {}}, "support: one engine")])
def test_engines_that_cannot_serve_are_refused_before_anything_is_started(project, engines, said):
    with pytest.raises(ConfigurationError, match=said):
        compose(engines=engines)
