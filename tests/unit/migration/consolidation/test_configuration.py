import pytest

from migration.consolidation.configuration import RoleOverride, load_configuration
from migration.errors import ConfigurationError


@pytest.fixture
def load(tmp_path):
    def load(table: str):
        (tmp_path / "pyproject.toml").write_text(f"[tool.netra-migration.audit]\n{table}")
        return load_configuration(tmp_path)

    return load


def test_without_a_table_the_family_of_the_project_is_looked_for(tmp_path):
    configuration = load_configuration(tmp_path)
    assert configuration.target == "netra_backend.app.agents.supervisor.user_execution_engine:UserExecutionEngine"
    assert configuration.classes == ("*ExecutionEngine",)
    assert len(configuration.roles) == 5  # of the seven; target and factory have settings of their own
    assert not configuration.explicit


def test_where_nobody_names_a_target_the_audit_says_what_to_write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"which class will stay: write `target = .*\[tool\.netra-migration\.audit\]"):
        load_configuration(tmp_path)


def test_a_target_of_ones_own_leaves_the_seven_out(load):
    configuration = load('target = "shop.engine:Engine"\nroles = {"shop/old.py" = "deprecated: has no tests"}')
    assert configuration.roles == {"shop/old.py": RoleOverride("deprecated", "has no tests")}
    assert configuration.explicit


def test_other_settings_keep_the_seven(load):
    configuration = load('exclude = ["generated"]\nroles = {"a.py" = "duplicate"}')
    assert configuration.exclude == ("generated",)
    assert len(configuration.roles) == 6
    assert not configuration.explicit


def test_the_closest_file_with_the_table_counts(load, tmp_path):
    load('exclude = ["here"]')
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    (tmp_path / "a/pyproject.toml").write_text("[project]\nname = 'without-the-table'\n")
    configuration = load_configuration(inner)
    assert (configuration.exclude, configuration.base) == (("here",), str(tmp_path))


def test_paths_hold_for_an_audit_of_a_package_below_the_project(load, tmp_path):
    configuration = load("")
    (tmp_path / "pkg/inner").mkdir(parents=True)
    assert configuration.prefix(tmp_path / "pkg/inner") == "pkg/inner/"
    assert configuration.prefix(tmp_path) == ""


def test_the_built_in_paths_hold_inside_of_the_package_too(tmp_path):
    inner = tmp_path / "netra_backend/app"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    assert load_configuration(inner).prefix(inner) == "netra_backend/app/"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("clases = []", "has no setting 'clases'"),
        ('target = "shop.engine.Engine"', "is not a `module:Class`"),
        ('factory = "x"', "is not a `module:Class`"),
        ('classes = ["*Eng*"]', "is too general"),
        ('classes = "ExecutionEngine"', "Expected `array`"),
        ("roles = 1", "roles must be a table"),
        ("shape-share = 1.5", "shape-share must be above 0"),
        ('roles = {"a.py" = "obsolete"}', "unknown role 'obsolete'; use one of: target, factory, deprecated, duplicate, re-export"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(load, table, message):
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml") as refused:
        load(table)
    assert message in str(refused.value)


def test_a_file_that_does_not_parse_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_configuration(tmp_path)


def test_a_named_file_without_the_table_is_refused(tmp_path):
    file = tmp_path / "audit.toml"
    file.write_text("[tool.other]\n")
    with pytest.raises(ConfigurationError, match=r"has no table \[tool.netra-migration.audit\]"):
        load_configuration(tmp_path, file)


@pytest.mark.parametrize(
    ("pattern", "literal", "stem"),
    [
        ("*ExecutionEngine", "ExecutionEngine", "execution_engine"),
        ("Base*Repository?", "Repository", "repository"),
        ("[AB]cdLoader*", "cdLoader", "cd_loader"),
    ],
)
def test_the_longest_plain_part_of_a_pattern_is_what_files_are_scanned_for(load, pattern, literal, stem):
    configuration = load(f'classes = ["{pattern}"]')
    assert (configuration.literals(), configuration.stems()) == ((literal,), (stem,))
