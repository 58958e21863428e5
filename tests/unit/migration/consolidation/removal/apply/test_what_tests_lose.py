"""Test files: whole ones, single tests, rows of parameters, fixtures, helpers."""

import pytest

HEAD = "import pytest\n\nfrom app.controls.alpha import ControlAlpha\nfrom app.controls.beta import ControlBeta\n\n\n"
FIXTURE = "@pytest.fixture\ndef alpha():\n    return ControlAlpha()\n\n\n"
STAYS = "def test_beta():\n    assert ControlBeta()\n"


def test_a_file_whose_tests_all_need_it_goes(removed):
    plan = removed(
        {"tests/test_a.py": "from app.controls.alpha import ControlAlpha\n\n\ndef test_it():\n    assert ControlAlpha()\n"}, "alpha"
    )
    assert "tests/test_a.py" in plan.deleted


@pytest.mark.parametrize(
    "cut",
    [
        "def test_alpha():\n    assert ControlAlpha()\n",
        "ALPHA = ControlAlpha\n\n\ndef test_alpha():\n    assert ALPHA()\n",
        "def made():\n    return ControlAlpha()\n\n\n@pytest.mark.slow\ndef test_alpha():\n    assert made()\n",
        FIXTURE + "def test_alpha(alpha):\n    assert alpha\n",
        FIXTURE + "@pytest.mark.usefixtures('alpha')\ndef test_alpha():\n    assert 1\n",
        FIXTURE + "def test_alpha(request):\n    assert request.getfixturevalue('alpha')\n",
        "class TestAlpha:\n    def test_it(self):\n        assert ControlAlpha()\n",
        "def test_alpha(monkeypatch):\n    monkeypatch.setattr('app.engines.old_alpha.OldAlpha', int)\n",
        "PROGRAM = '''\nfrom app.engines.old_alpha import OldAlpha\n'''\n\n\ndef test_alpha():\n    assert PROGRAM\n",
        "# why\n@pytest.mark.parametrize('it', [ControlAlpha])\ndef test_alpha(it):\n    assert it()\n",
        "def test_alpha():\n    from app.engines.old_alpha import OldAlpha\n\n    assert OldAlpha()\n",
    ],
    ids=[
        "test",
        "constant",
        "helper",
        "fixture",
        "usefixtures",
        "asked for by name",
        "class",
        "patch",
        "program",
        "all rows",
        "import inside",
    ],
)
def test_of_a_file_that_stays_only_what_needs_it_is_cut(removed, cut):
    plan = removed({"tests/test_a.py": f"{HEAD}{cut}\n\n{STAYS}"}, "alpha")
    text = plan.text["tests/test_a.py"].replace("import pytest\n\n", "")
    assert text == "from app.controls.beta import ControlBeta\n\n\n" + STAYS
    assert plan.left == []


ROWS = """\
@pytest.mark.parametrize(
    ("it", "n"),
    [
        (ControlAlpha, 1),
        (ControlBeta, 2),
    ],
    ids=["a", "b"],
)
def test_each(it, n):
    assert it()
"""
BOTH = """\
class TestBoth:
    name = "both"

    def test_alpha(self):
        assert ControlAlpha()

    def test_beta(self):
        assert ControlBeta()
"""


def test_a_row_of_parameters_goes_with_its_id(removed):
    plan = removed({"tests/test_a.py": HEAD + ROWS}, "alpha")
    rest = (HEAD + ROWS).replace("from app.controls.alpha import ControlAlpha\n", "").replace("        (ControlAlpha, 1),\n", "")
    assert plan.text["tests/test_a.py"] == rest.replace('["a", "b"]', '["b"]')


def test_a_fixture_for_several_loses_one_of_its_parameters(removed):
    text = "@pytest.fixture(params=[ControlAlpha, ControlBeta], ids=['a', 'b'])\ndef it(request):\n    return request.param\n"
    plan = removed({"tests/conftest.py": HEAD + text}, "alpha")
    assert plan.text["tests/conftest.py"].endswith(text.replace("ControlAlpha, ", "").replace("'a', ", ""))


def test_a_method_of_a_class_of_tests_goes_alone(removed):
    plan = removed({"tests/test_a.py": HEAD + BOTH}, "alpha")
    assert plan.text["tests/test_a.py"].endswith(BOTH.replace("    def test_alpha(self):\n        assert ControlAlpha()\n\n", ""))


def test_a_helper_that_needs_it_goes_and_the_tests_that_need_the_helper(removed):
    plan = removed(
        {
            "tests/child.py": "from app.engines.old_alpha import OldAlpha\n\nprint(OldAlpha)\n",
            "tests/test_a.py": "def test_it():\n    assert run('child.py')\n\n\ndef test_else():\n    assert 1\n",
            "tests/test_b.py": "from child import x\n\n\ndef test_it():\n    assert x\n",
        },
        "alpha",
    )
    assert {"tests/child.py", "tests/test_b.py"} <= plan.deleted
    assert plan.text["tests/test_a.py"] == "def test_else():\n    assert 1\n"


def test_a_fixture_of_a_conftest_goes_with_the_tests_below_it_that_ask_for_it(removed):
    plan = removed(
        {
            "tests/a/conftest.py": HEAD + FIXTURE + FIXTURE.replace("alpha", "beta").replace("Alpha", "Beta"),
            "tests/a/test_a.py": "def test_alpha(alpha):\n    assert alpha\n\n\ndef test_beta(beta):\n    assert beta\n",
            "tests/b/test_b.py": "def test_alpha(alpha):\n    assert alpha\n",
        },
        "alpha",
    )
    assert "def alpha" not in plan.text["tests/a/conftest.py"]
    assert plan.text["tests/a/test_a.py"] == "def test_beta(beta):\n    assert beta\n"
    assert "tests/b/test_b.py" not in {*plan.deleted, *plan.text}


def test_a_string_that_happens_to_be_the_name_of_a_fixture_that_goes_is_only_a_string(removed):
    needs = "def test_alpha(alpha):\n    assert alpha\n\n\n"
    plan = removed({"tests/test_a.py": HEAD + FIXTURE + needs + STAYS.replace("()\n", "('alpha')\n")}, "alpha")
    assert "ControlBeta('alpha')" in plan.text["tests/test_a.py"]


def test_an_option_in_a_string_keeps_no_import_alive_and_an_annotation_does(removed):
    text = "import json\nimport re\n\n\ndef test_beta():\n    x: 're.Pattern' = run('--json')\n\n\n"
    cut = "# goes with: alpha\ndef test_alpha():\n    assert json.dumps(re.escape('a'))\n\n\n# stays\n"
    plan = removed({"tests/test_a.py": text + cut}, "alpha")
    assert plan.text["tests/test_a.py"] == text.replace("import json\n", "").rstrip() + "\n"


def test_a_conftest_without_fixtures_left_goes(removed):
    text = "import pytest\n\nfrom app.controls.alpha import ControlAlpha\n\n\n" + FIXTURE
    assert "tests/conftest.py" in removed({"tests/conftest.py": text}, "alpha").deleted


def test_what_is_not_certain_in_a_test_file_is_left_to_a_person(removed):
    plan = removed({"tests/test_a.py": f"{HEAD}if ControlAlpha:\n    x = 1\n\n\n{STAYS}"}, "alpha")
    assert plan.left == ["tests/test_a.py:7"]


@pytest.mark.parametrize(("choice", "deleted", "left"), [("delete", True, []), ("keep", False, ["tests/test_a.py:8"])])
def test_the_manifest_decides_of_a_file_that_it_names(removed, code_base, choice, deleted, left):
    manifest = code_base.root / "pyproject.toml"
    manifest.write_text(manifest.read_text() + f'\n[tool.netra-migration.removal.tests]\n"tests/test_a.py" = "{choice}"\n')
    plan = removed({"tests/test_a.py": f"{HEAD}def test_alpha():\n    assert ControlAlpha()\n\n\n{STAYS}"}, "alpha")
    assert ("tests/test_a.py" in plan.deleted, plan.left) == (deleted, left)
    assert ("tests/test_a.py" in plan.text["pyproject.toml"]) is not deleted
