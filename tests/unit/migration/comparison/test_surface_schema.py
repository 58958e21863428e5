"""The JSON Schema that editors get says of a surface's file what the reader says of it."""

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import migration.comparison.policy
from migration.comparison.policy import parse_policy
from migration.errors import ConfigurationError

ROOT = Path(__file__).parents[4]
SCHEMA = json.loads(Path(migration.comparison.policy.__file__).with_name("surface.schema.json").read_text())
FILES = [
    *(ROOT / "netra_backend" / "app" / "execution" / "surfaces").glob("*.toml"),
    ROOT / "tests" / "migration" / "foreign" / "migration" / "support.toml",
]
MINIMAL = 'surface = "shop"\nversion = 1\n\n[envelope]\ntexts = ["type"]\n'


def faults(written):
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(tomllib.loads(written))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_that_is_read_fits(file):
    assert faults(file.read_text()) == []


@pytest.mark.parametrize(
    "added",
    [
        '[contract]\nlsat = "done"\n',
        '[[rules]]\nid = "a"\naction = "hide"\npaths = ["x"]\nreason = "so"\n',
        '[[rules]]\nid = "a"\naction = "mask"\nreason = "so"\n',
        "[tools]\nread_only = [1]\n",
        '[[endings]]\noutcome = "gone"\nlast = { kind = "error" }\n',
    ],
)
def test_what_the_reader_refuses_does_not_fit(added):
    assert faults(MINIMAL) == []
    with pytest.raises(ConfigurationError):
        parse_policy(MINIMAL + added, "shop.toml")
    assert len(faults(MINIMAL + added)) == 1
