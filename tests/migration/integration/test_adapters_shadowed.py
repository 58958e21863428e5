"""The engines of docs/migration/adapters.md: shadowed by a real worker, behind its boundary, each matches itself and asks nobody."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.migration.servers.models import ModelEndpoint
from tests.unit.migration.flags.making import at, flag_file

PAGE = Path(__file__).parents[3] / "docs" / "migration" / "adapters.md"
BLOCKS = {
    extra.replace("-", "_"): code
    for extra, code in re.findall(r"### [^\n]*: `\[(.*?)\]`\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
}
ASKING = len(BLOCKS)  #: those that ask a model; once each
BLOCKS["sqlalchemy"] = PAGE.read_text().partition("## Databases")[2].partition("```python\n")[2].partition("```")[0]
PATIENCE_S = 120.0

BUILD = """
import importlib
import os

# A shadow worker is given no variables of the application.
os.environ |= {"OPENAI_BASE_URL": "ENDPOINT", "ANTHROPIC_BASE_URL": "ENDPOINT"}


def build(surface, origin):
    return importlib.import_module(f"bots.{surface}_bot").engine
"""

SERVING = """
import asyncio
import agents
from migration import compose

agents.set_trace_processors([])


async def main():
    async with compose() as migration:
        for surface in migration.surfaces:
            events = [event async for event in migration.run(surface, {"question": "Hi"}, tenant_id="acme", user_id="ann")]
            print(surface, len(events) > 0)
        assert await migration.drained(90)

asyncio.run(main())
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Makes the project; runs a program in its folder and returns what it prints."""
    surfaces = "\n".join(f'{name} = "{name}.toml"' for name in BLOCKS)
    told = f'[tool.netra-migration]\nengines = "bots:build"\nimport-path = ["."]\n[tool.netra-migration.surfaces]\n{surfaces}\n'
    (tmp_path / "pyproject.toml").write_text(told)
    (tmp_path / "bots").mkdir()
    (tmp_path / "bots" / "__init__.py").write_text(BUILD)
    for name, code in BLOCKS.items():
        (tmp_path / f"{name}.toml").write_text(f'surface = "{name}"\nversion = 1\n[envelope]\ntexts = ["type"]\n')
        (tmp_path / "bots" / f"{name}_bot.py").write_text(code)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.executescript("CREATE TABLE product (name); INSERT INTO product VALUES ('lamp'), ('desk')")
    (tmp_path / "flags.json").write_bytes(flag_file(*(at("shadow", surface) for surface in BLOCKS)))
    # A shadow imports its SDK in its first run, which takes its time on a busy machine.
    settings = {"SHADOW_PRIORITY": "normal", "SHADOW_DEADLINE_S": "60", "NOISE_SAMPLING": "0", "HOME": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(f"NETRA_MIGRATION_{name}", value)
    monkeypatch.delenv("NETRA_MIGRATION_PROJECT", raising=False)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def run(program, *arguments):
        found = Path(sys.executable).with_name(program)
        done = subprocess.run([found, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_every_engine_of_the_page_is_shadowed_and_matches_itself(run, tmp_path, monkeypatch):
    with ModelEndpoint() as endpoint:
        (tmp_path / "bots" / "__init__.py").write_text(BUILD.replace("ENDPOINT", endpoint.url))
        for name in ("OPENAI", "ANTHROPIC"):
            monkeypatch.setenv(f"{name}_API_KEY", "sk-none")
        assert run("python", "-c", SERVING).splitlines() == [f"{surface} True" for surface in BLOCKS]
        assert len(endpoint.asked) == ASKING
    found = {one["surface"]: one["verdicts"] for one in json.loads(run("netra-migration", "status", "--json"))["surfaces"]}
    assert {surface: {kind for kind, runs in verdicts.items() if runs} for surface, verdicts in found.items()} == {
        name: {"match"} for name in BLOCKS
    }
