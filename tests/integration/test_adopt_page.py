"""docs/adopt.md: its files, as they stand there, make a project whose engines are compared, served and shadowed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "adopt.md"
FILES = {name: text for _, name, text in re.findall(r"```(python|toml)\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL)}
PATIENCE_S = 60.0


SERVING = """
import asyncio
import shop.app

async def main():
    async with shop.app.lifespan(None):
        frames = [frame async for frame in shop.app.answer("acme", "ann", "lamp")]
        assert await shop.app.migration.drained(60)
    print(frames[-1].decode())

asyncio.run(main())
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Makes the page's project; runs a program in its folder and returns what it prints."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.delenv("NETRA_MIGRATION_PROJECT", raising=False)
    monkeypatch.setenv("NETRA_MIGRATION_SHADOW_PRIORITY", "normal")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def run(program, *arguments):
        found = Path(sys.executable).with_name(program)
        done = subprocess.run([found, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_what_knows_the_migration_is_fewer_lines_than_thirty():
    code = [line for name in ("shop/engines.py", "shop/app.py") for line in FILES[name].splitlines() if line.strip()]
    engines = "".join(re.findall(r"async def (?:old|new).*?\n\n", FILES["shop/engines.py"], re.DOTALL))
    said = int(re.search(r"(\d+) lines of Python", PAGE.read_text())[1])
    assert len(code) - len([line for line in engines.splitlines() if line.strip()]) == said < 30


def test_the_pages_test_passes(run):
    assert "1 passed" in run("python", "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "test_shop.py")


def test_what_the_page_serves_is_shadowed(run):
    for stage in ("dualwrite", "shadow"):
        run("netra-migration", "stage", "set", "shop", stage, "--all", "--yes")
    assert run("python", "-c", SERVING) == '{"type":"done","cost":9.5}\n'
    assert json.loads(run("netra-migration", "status", "--json"))["surfaces"][0]["verdicts"]["match"] == 1
