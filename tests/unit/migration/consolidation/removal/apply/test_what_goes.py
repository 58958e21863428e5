"""What goes with a surface, what with the migration, and what stays."""

import tomllib

import pytest

from migration.errors import ConfigurationError, UnknownSurfaceError


def test_engine_adapter_and_ledger_of_the_surface_go_and_those_of_others_stay(removed):
    plan = removed(None, "alpha")
    assert plan.deleted == {"app/engines/old_alpha.py", "app/controls/alpha.py", "ledger/alpha.toml"}
    assert plan.left == []


def test_a_test_that_needs_the_control_without_importing_it_goes_when_the_manifest_says_so(removed, code_base):
    text = (
        (code_base.root / "pyproject.toml")
        .read_text()
        .replace('"ledger/alpha.toml"', '"ledger/alpha.toml"\ntests = ["tests/test_load.py"]')
    )
    plan = removed({"pyproject.toml": text, "tests/test_load.py": "def test_it(): ...\n"}, "alpha")
    assert "tests/test_load.py" in plan.deleted


def test_the_row_of_the_table_and_its_import_go_and_nothing_else_of_the_file(removed):
    plan = removed(None, "alpha")
    assert plan.text["app/root.py"] == (
        'from app.controls.beta import ControlBeta\n\nCONTROLS = {\n    "beta": ControlBeta,\n}\n\n\ndef compose():\n    return CONTROLS\n'
    )


def test_the_surface_leaves_the_manifest_and_the_rest_of_the_file_stays(removed, code_base):
    text = removed(None, "alpha").text["pyproject.toml"]
    assert "surfaces.alpha" not in text
    gone = text.splitlines()
    assert [line for line in (code_base.root / "pyproject.toml").read_text().splitlines() if line not in gone] == [
        "[tool.netra-migration.removal.surfaces.alpha]",
        'engines = ["app/engines/old_alpha.py"]',
        'adapter = "app/controls/alpha.py"',
        'ledger = "ledger/alpha.toml"',
    ]


def test_what_only_modules_that_go_import_goes_to_a_fixed_point_and_in_cycles(removed):
    plan = removed(
        {
            "app/engines/old_alpha.py": "from app.cache import Cache\n",
            "app/cache.py": "from app.deep import a\n\nCache = a\n",
            "app/deep.py": "def a():\n    from app.cache import Cache\n    return Cache\n",
        },
        "alpha",
    )
    assert {"app/cache.py", "app/deep.py"} <= plan.deleted


@pytest.mark.parametrize(
    "user",
    [
        {"app/main.py": "from app.cache import Cache\n\nprint(Cache)\n"},
        {"app/controls/beta.py": "from app import cache\nfrom app.engines.old_beta import OldBeta\n\nControlBeta = (OldBeta, cache)\n"},
        {"config/entries.toml": 'entry = "app.cache:Cache"\n'},
    ],
    ids=["the product", "another surface", "configuration"],
)
def test_what_something_else_uses_too_stays(removed, user):
    plan = removed(
        {"app/engines/old_alpha.py": "from app.cache import Cache\n", "app/cache.py": "class Cache:\n    pass\n", **user}, "alpha"
    )
    assert "app/cache.py" not in plan.deleted


def test_a_test_keeps_no_module_alive(removed):
    plan = removed(
        {
            "app/engines/old_alpha.py": "from app.cache import Cache\n",
            "app/cache.py": "class Cache:\n    pass\n",
            "tests/test_cache.py": "from app.cache import Cache\n\n\ndef test_it():\n    assert Cache()\n",
        },
        "alpha",
    )
    assert {"app/cache.py", "tests/test_cache.py"} <= plan.deleted


def test_what_nobody_uses_today_already_stays(removed):
    plan = removed({"app/unused.py": "from app.engines.old_beta import OldBeta\n\nprint(OldBeta)\n", "app/idle.py": "x = 1\n"}, "alpha")
    assert plan.deleted.isdisjoint({"app/unused.py", "app/idle.py"})


def test_a_package_goes_with_the_last_of_its_modules(removed):
    one = removed(None, "alpha")
    both = removed(None, "alpha", "beta", whole=True)
    assert "app/controls/__init__.py" not in one.deleted
    assert {"app/controls/__init__.py", "app/engines/__init__.py"} <= both.deleted


def test_with_all_the_migration_goes_and_its_root_is_replaced(removed):
    plan = removed(None, "alpha", "beta", whole=True)
    assert {"scaffold/__init__.py", "app/root.py"} <= plan.deleted
    assert plan.text["app/main.py"] == "def run():\n    from app.direct import compose\n\n    return compose()\n"
    assert "netra-migration" not in plan.text["pyproject.toml"]
    assert "[tool.other]\nkept = true\n" in plan.text["pyproject.toml"]


def test_a_package_that_passes_the_class_on_does_not_afterwards(removed):
    plan = removed(
        {
            "app/engines/__init__.py": """
                from app.engines.old_alpha import OldAlpha
                from app.engines.old_beta import OldBeta

                __all__ = ["OldAlpha", "OldBeta"]
                """,
        },
        "alpha",
    )
    assert plan.text["app/engines/__init__.py"] == 'from app.engines.old_beta import OldBeta\n\n__all__ = ["OldBeta"]\n'


def test_what_imports_a_name_that_another_file_passed_on_loses_it_too(removed):
    plan = removed(
        {
            "app/engines/__init__.py": 'from app.engines.old_alpha import OldAlpha\n\n__all__ = ["OldAlpha"]\n',
            "app/table.py": "from app.engines import OldAlpha\n\nTABLE = [int, OldAlpha]\n",
        },
        "alpha",
    )
    assert plan.text["app/table.py"] == "TABLE = [int]\n"


def test_imports_that_only_what_is_cut_needed_go_and_others_that_nobody_uses_stay(removed):
    plan = removed(
        {
            "app/root.py": """
                import json
                import os

                from app.controls.alpha import ControlAlpha

                CONTROLS = {
                    'alpha': (ControlAlpha, json),
                    'beta': 1,
                }
                """,
        },
        "alpha",
    )
    assert plan.text["app/root.py"] == "import os\n\nCONTROLS = {\n    'beta': 1,\n}\n"


def test_rows_of_tables_of_contents_that_link_to_what_goes_are_cut(removed):
    plan = removed(
        {"docs/README.md": "| doc | |\n|---|---|\n| [ledger](../ledger/alpha.toml) | x |\n| [other](../ledger/beta.toml) | y |\n"}, "alpha"
    )
    assert plan.text["docs/README.md"] == "| doc | |\n|---|---|\n| [other](../ledger/beta.toml) | y |\n"


def test_a_surface_that_is_unknown_is_refused(removed):
    with pytest.raises(UnknownSurfaceError, match="alpha, beta"):
        removed(None, "gamma")


@pytest.mark.parametrize(("surfaces", "whole"), [(["alpha", "beta"], False), (["alpha"], True)])
def test_the_migration_goes_with_the_last_surface_and_only_when_asked(removed, surfaces, whole):
    with pytest.raises(ConfigurationError, match="--all"):
        removed(None, *surfaces, whole=whole)


TRACKED = """
[tool.netra-migration.tracker.kept."app/engines/old_alpha.py"]
"says it twice" = ["tests/test_old.py::test_it"]

[tool.netra-migration.tracker.kept."app/engines/old_beta.py"]
"says nothing" = ["tests/test_old.py::test_it", "tests/test_beta.py"]

[tool.netra-migration.tracker]
"app/engines/old_alpha.py" = "deprecated"
"app/engines/old_beta.py" = "duplicate"
rows = [
  { text = "one", tests = ["tests/test_beta.py", "tests/test_old.py::test_it"] },
  { text = "two", tests = ["tests/test_old.py"] },
]

[tool.others]
paths = ["tests/test_beta.py"] # stays
"""


def test_what_the_migrations_own_tables_say_of_files_that_go_goes(removed, code_base):
    text = (code_base.root / "pyproject.toml").read_text() + TRACKED
    test = "from app.controls.alpha import ControlAlpha\n\n\ndef test_it():\n    assert ControlAlpha()\n"
    plan = removed({"pyproject.toml": text, "tests/test_old.py": test, "tests/test_beta.py": "def test_it(): ...\n"}, "alpha")
    kept = tomllib.loads(plan.text["pyproject.toml"])["tool"]
    assert kept["netra-migration"]["tracker"] == {
        "kept": {"app/engines/old_beta.py": {"says nothing": ["tests/test_beta.py"]}},
        "app/engines/old_beta.py": "duplicate",
        "rows": [{"text": "one", "tests": ["tests/test_beta.py"]}],
    }
    assert kept["others"] == {"paths": ["tests/test_beta.py"]}
