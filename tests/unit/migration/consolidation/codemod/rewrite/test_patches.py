"""A patched name moves with its module only if it is written as one literal, and nothing depends on the old arguments."""

import pytest

USE = "from shop.legacy import ExecutionEngine\ndef f(r, b, u):\n    return ExecutionEngine(r, b, u)\n"
HEAD = "import use\nfrom unittest import mock\nfrom unittest.mock import patch\n"


def planned(plan_of, text):
    plan = plan_of({"use.py": USE, "tests/test_use.py": HEAD + text + "\n"})
    return {change.path: change.after.decode() for change in plan.changes}, plan


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@patch('use.ExecutionEngine')\ndef test_it(m): use.f(1, 2, 3)", "@patch('use.UserExecutionEngine')"),
        (
            "def test_it():\n    with patch.object(use, 'ExecutionEngine'):\n        use.f(1, 2, 3)",
            "patch.object(use, 'UserExecutionEngine')",
        ),
        (
            "def test_it(monkeypatch):\n    monkeypatch.setattr(use, 'ExecutionEngine', mock.Mock())",
            "monkeypatch.setattr(use, 'UserExecutionEngine', mock.Mock())",
        ),
    ],
)
def test_the_test_and_the_module_are_rewritten_together(plan_of, old, new):
    after, _ = planned(plan_of, old)
    assert new in after["tests/test_use.py"]
    assert "UserExecutionEngine(" in after["use.py"]


@pytest.mark.parametrize(
    "text",
    [
        "NAME = 'use.ExecutionEngine'\n@patch(NAME)\ndef test_it(m): use.f(1, 2, 3)",
        "MODULE = 'use'\n@patch(f'{MODULE}.ExecutionEngine')\ndef test_it(m): use.f(1, 2, 3)",
        "@patch(f'{use.__name__}.ExecutionEngine')\ndef test_it(m): use.f(1, 2, 3)",
        "@patch('use' '.ExecutionEngine')\ndef test_it(m): use.f(1, 2, 3)",
        "@patch('use.' + 'ExecutionEngine')\ndef test_it(m): use.f(1, 2, 3)",
        "@patch('{}.ExecutionEngine'.format(use.__name__))\ndef test_it(m): use.f(1, 2, 3)",
        "@patch.multiple('use', ExecutionEngine=mock.DEFAULT)\ndef test_it(**m): use.f(1, 2, 3)",
        "@patch.multiple(use, ExecutionEngine=mock.DEFAULT)\ndef test_it(**m): use.f(1, 2, 3)",
        "def test_it(monkeypatch):\n    monkeypatch.setattr(use, 'ExecutionEngine', lambda r, b, u: u)",
        "def test_it(monkeypatch):\n    monkeypatch.setattr('use.ExecutionEngine', lambda r, b, u: u)",
        "def test_it():\n    with patch('use.ExecutionEngine', new=dict):\n        use.f(1, 2, 3)",
        "def test_it():\n    with patch('use.ExecutionEngine') as m:\n        use.f(1, 2, 3)\n    m.assert_called_once_with(1, 2, 3)",
        "def test_it():\n    with patch.object(use, 'ExecutionEngine') as m:\n        use.f(1)\n    assert m.call_args == ((1, 2, 3), {})",
        "class T:\n  def setUp(self):\n    self.m = patch('use.ExecutionEngine').start()\n  def test(self): self.m.assert_any_call(1)",
        "@patch('use.ExecutionEngine')\nclass T:\n    def test(self, m):\n        m.assert_any_call(1, 2)",
    ],
)
def test_both_stay_with_a_reason(plan_of, text):
    after, plan = planned(plan_of, text)
    assert after == {}
    assert {item.path for item in plan.advice if item.fails} >= {"use.py"}


def test_a_fixture_hands_its_mock_to_tests_in_other_files(plan_of):
    fixture = f"{HEAD}import pytest\n@pytest.fixture\ndef made():\n    with patch('use.ExecutionEngine') as m:\n        yield m\n"
    test = "import use\ndef test_it(made):\n    use.f(1, 2, 3)\n    made.assert_called_with(1, 2, 3)\n"
    assert plan_of({"use.py": USE, "tests/conftest.py": fixture, "tests/test_use.py": test}).changes == ()
