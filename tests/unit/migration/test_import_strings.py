import pytest

from migration.errors import ConfigurationError
from migration.import_strings import load


def test_an_import_string_names_an_object() -> None:
    assert load("migration.import_strings:load") is load


@pytest.mark.parametrize("wrong", ["", "migration", "migration:", ":load", "migration.nowhere:load", "migration.import_strings:nothing"])
def test_a_wrong_import_string_says_what_is_wrong_with_it(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong.rpartition(":")[2] or "import string"):
        load(wrong)
