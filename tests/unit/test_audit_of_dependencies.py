"""`make audit` never calls a package clean that nobody was asked about."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "audit.py"
CLEAN = {"name": "a", "version": "1", "vulns": []}
VULNERABLE = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit_of_dependencies", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("found", "code"),
    [([CLEAN], 0), ([CLEAN, VULNERABLE], 1), ([VULNERABLE, UNKNOWN], 1), ([CLEAN, UNKNOWN], 2), ([UNKNOWN], 2), ([], 2)],
)
def test_the_exit_code_says_whether_every_package_was_looked_up(audit, found, code):
    assert audit.report(found) == code


def test_a_vulnerable_package_is_named_with_what_mends_it(audit, capsys):
    audit.report([VULNERABLE])
    assert capsys.readouterr().out == "b 2: PYSEC-1, fixed in 3\n1 of 1 packages looked up, 1 vulnerable\n"
