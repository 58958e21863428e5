"""Code that a docstring shows can be copied: it parses."""

import ast
import re
import textwrap
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PARSERS = {"python": ast.parse, "toml": tomllib.loads}


def blocks():
    for part in ("migration", "netra_backend", "dashboards"):
        for file in sorted((ROOT / part).rglob("*.py")):
            text = file.read_text(encoding="utf-8", errors="replace")
            for number, (language, code) in enumerate(re.findall(r"```(python|toml)\n(.*?)```", text, re.DOTALL)):
                yield pytest.param(language, textwrap.dedent(code), id=f"{file.relative_to(ROOT)}:{number}")


@pytest.mark.parametrize(("language", "code"), list(blocks()))
def test_a_block_parses(language, code):
    PARSERS[language](code)
