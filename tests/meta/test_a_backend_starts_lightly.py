"""Servers, workers and cells start often: what only some of them need is imported where it is needed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

#: The process serves, until it is ready, with its default settings in a new folder.
READY = """
import asyncio, os, sys, tempfile
with tempfile.TemporaryDirectory() as home:
    os.environ |= {"NETRA_HOME": home}
    os.environ |= {"NETRA_MIGRATION_HOME": home}  # goes with: migration
    from netra_backend.app.main import create_app
    app = create_app()
    async def ready():
        async with app.router.lifespan_context(app):
            await asyncio.sleep(0)
    asyncio.run(ready())
"""
STARTED = "import netra_backend.app.main, netra_backend.app.serving\n"
STARTED += "import netra_backend.app.execution\n"  # goes with: migration
# goes with: migration
#: What only commands, controllers and workers do.
WORKERS = ("migration.cli", "migration.rollout", "migration.consolidation", "migration.shadow.cell_process")
# stays
LISTED = "import sys\nprint(' '.join(sys.modules))"


def test_a_backend_whose_model_is_a_script_imports_no_sdk_of_models():
    done = subprocess.run([sys.executable, "-c", STARTED + LISTED], capture_output=True, text=True, check=True, timeout=60)
    assert "openai" not in done.stdout.split()


#: What the default settings do not use: SDKs of models, servers, tables and progress bars, and the commands' own libraries.
UNUSED = {"httpx", "httpx2", "libcst", "numpy", "openai", "psycopg", "redis", "rich", "scipy", "tomlkit", "typer"}


def test_a_server_imports_nothing_that_its_default_settings_do_not_use():
    done = subprocess.run([sys.executable, "-c", READY + LISTED], capture_output=True, text=True, check=True, timeout=60)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "netra_backend.app.main" in imported
    assert not UNUSED & imported
    assert not {name for name in imported if name.startswith(WORKERS)}  # goes with: migration


#: typer, and what it needs to make commands. rich is not among them: it is for tables.
OF_TYPER = {"typer", "annotated_doc", "shellingham", "typing_extensions"}
#: Modules of Python that take as long as a whole help.
HEAVY = {"asyncio", "concurrent.futures", "email", "multiprocessing", "sqlite3", "ssl"}


def shown_helps(*programs: str) -> dict[str, Any]:
    """Show the help of every command, and return what `tests.meta.helps` prints."""
    done = subprocess.run([sys.executable, "-m", "tests.meta.helps", *programs], capture_output=True, text=True, check=True, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_no_help_of_netra_imports_more_than_typer():
    told = shown_helps("netra_backend.app.cli")
    own = {name for name in told["modules"] if name.startswith("netra_backend.")}
    assert ["serve"] in told["commands"]
    assert set(told["third_party"]) <= OF_TYPER
    assert not HEAVY & set(told["modules"])
    assert own == {"netra_backend.app", "netra_backend.app.cli", "netra_backend.app.cli_flags", "netra_backend.app.errors"}


def test_no_library_is_installed_that_has_each_process_parse_grammars_at_its_start():
    assert "rfc3987-syntax" not in (Path(__file__).parents[2] / "requirements.lock").read_text()
