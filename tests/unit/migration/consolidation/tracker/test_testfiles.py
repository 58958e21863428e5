"""What a file of tests holds, as pytest would see it."""

import textwrap

import pytest

from migration.consolidation.tracker.testfiles import read_test_file


def faults(text):
    return dict(read_test_file(textwrap.dedent(text).encode()).faults)


def test_tests_are_functions_methods_and_state_machines():
    found = faults(
        """
        def helper(): return 1
        async def test_async(): assert helper()
        class TestAll:
            def test_method(self): assert 1 + 1
            class TestInside:
                def test_deep(self): assert 1 + 1
        class Helper:
            def test_nothing(self): assert 1 + 1
        TestMachine = Machine.TestCase
        """
    )
    assert found == {"test_async": None, "TestAll::test_method": None, "TestAll::TestInside::test_deep": None, "TestMachine::runTest": None}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("def test_it(): pass", "it is empty"),
        ("def test_it():\n    '''Says only what it would do.'''", "it is empty"),
        ("def test_it():\n    '''Doc.'''\n    ...", "it is empty"),
        ("@pytest.mark.skipif(True, reason='x')\ndef test_it(): assert f()", "it may be skipped"),
        ("@mark.skip\ndef test_it(): assert f()", "it may be skipped"),
        ("pytestmark = pytest.mark.skip\ndef test_it(): assert f()", "it may be skipped"),
        ("pytestmark = [pytest.mark.slow, pytest.mark.xfail]\ndef test_it(): assert f()", "it may fail unnoticed"),
        ("zoo = pytest.importorskip('zoo')\ndef test_it(): assert f()", "it may be skipped"),
        ("def test_it():\n    pytest.skip('later')\n    assert f()", "it may be skipped"),
        ("def test_it():\n    if f():\n        pytest.skip('elsewhere')\n    assert g()", None),
        ("@pytest.mark.parametrize('x', [1])\ndef test_it(x): assert x", None),
        ("pytestmark = pytest.mark.mission_critical\ndef test_it(): assert f()", None),
    ],
)
def test_a_test_that_does_not_run_or_cannot_fail_is_told(text, fault):
    assert faults(text) == {"test_it": fault}


@pytest.mark.parametrize("mark", ["@pytest.mark.skip\nclass TestAll:", "class TestAll:\n    pytestmark = pytest.mark.skip"])
def test_what_is_said_of_a_class_is_said_of_its_tests(mark):
    assert faults(f"{mark}\n    def test_it(self): assert f()") == {"TestAll::test_it": "it may be skipped"}
    assert faults("class TestAll:\n    __test__ = False\n    def test_it(self): assert f()")["TestAll::test_it"] is not None
