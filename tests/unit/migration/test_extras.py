"""What is not installed is named with the extra that brings it; what is installed is used by somebody."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from migration.errors import MissingExtraError
from migration.extras import extra

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BASE = {Requirement(text).name for text in PROJECT["dependencies"]}
EXTRAS = {name: {Requirement(text).name for text in texts} for name, texts in PROJECT["optional-dependencies"].items()}
#: Imported by others: SQLAlchemy loads a driver by its URL, and whoever has a graph brings it.
UNSEEN = {"psycopg", "langgraph"}
#: Comes with what stands beside it; imported for its types and tools alone.
WITH = {
    "httpx2": {"openai", "anthropic"},
    "langchain-core": {"langgraph"},
    "langsmith": {"langgraph"},
    "pydantic": {"langgraph"},
    "pydantic-core": {"openai-agents", "pydantic-ai-slim"},
    "numpy": {"scipy"},
    "opentelemetry-api": {"opentelemetry-sdk"},
}
BLOCKED = """
import sys
BLOCKED = sys.argv.pop(1).split(",")
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in BLOCKED):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""
COMMAND = BLOCKED + "from migration.cli import main; sys.argv[0] = 'netra-migration'; main()"
LIBRARIES = (
    "libcst,cryptography,httpx,httpx2,openai,anthropic,langgraph,langchain_core,agents,pydantic_ai,pydantic,redis,psycopg,deepdiff,scipy,numpy,"
    "opentelemetry.exporter,fastapi,netra_backend"
)


def without(libraries, code, *arguments):
    return subprocess.run([sys.executable, "-c", code, libraries, *arguments], capture_output=True, text=True, timeout=60, check=False)


def imported():
    """Return distribution -> files of the package that import it."""
    known = packages_distributions()
    found = {}
    for path in (ROOT / "migration").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                top = name.partition(".")[0]
                if top in sys.stdlib_module_names or top == "migration":
                    continue
                owner = "opentelemetry-exporter-otlp-proto-http" if "exporter" in name else _owner(top, known)
                found.setdefault(owner, set()).add(path.relative_to(ROOT).as_posix())
    return found


def _owner(top, known):
    if top == "opentelemetry":
        return "opentelemetry-sdk"
    owners = {re.sub(r"[-_.]+", "-", one).lower() for one in known[top]}
    return min(owners & (BASE | set().union(*EXTRAS.values())) or owners)


def test_every_library_is_declared_and_every_declared_one_is_used():
    used = {name for name in imported() if name != "pytest"}  # whoever has the plugin loaded has pytest
    declared = BASE | set().union(*EXTRAS.values())
    assert {name for name in used - declared if not WITH.get(name, set()) & declared} == set()
    assert declared - used - UNSEEN == set()


def test_a_missing_library_is_named_with_its_extra():
    with pytest.raises(MissingExtraError, match=r"no_such_library is not installed; .*'netra-strangler\[redis\]'"), extra("redis"):
        import no_such_library  # noqa: F401
    assert issubclass(MissingExtraError, ImportError)


def test_a_missing_module_of_this_package_is_not_a_missing_extra():
    with pytest.raises(ModuleNotFoundError), extra("redis"):
        import migration.no_such_module  # noqa: F401


@pytest.mark.parametrize(
    ("module", "named"),
    [
        ("migration.effects.http", "httpx"),
        ("migration.adapters.openai", "openai"),
        ("migration.adapters.anthropic", "anthropic"),
        ("migration.adapters.langgraph", "langgraph"),
        ("migration.adapters.openai_agents", "openai-agents"),
        ("migration.adapters.pydantic_ai", "pydantic-ai"),
        ("migration.statistics.outcomes", "rollout"),
    ],
)
def test_a_port_without_its_library_says_what_to_install(module, named):
    done = without(LIBRARIES, BLOCKED + f"import {module}")
    assert done.stderr.rstrip().endswith(f"pip install 'netra-strangler[{named}]'")


def test_without_any_extra_a_process_serves_shadows_and_tests():
    modules = "migration.threaded, migration.testing, migration.pytest_plugin, migration.shadow.worker, migration.shadow.cell"
    done = without(LIBRARIES, BLOCKED + f"import {modules}; print('imported')")
    assert done.stdout == "imported\n", done.stderr


@pytest.mark.parametrize(
    ("command", "named"), [("codemod", "codemod"), ("tracker", "codemod"), ("removal", "codemod"), ("rollout", "rollout")]
)
def test_a_command_without_its_extra_says_what_to_install_and_fails(command, named):
    done = without(LIBRARIES, COMMAND, command, "check", "--json")
    assert done.returncode == 2
    assert f"pip install 'netra-strangler[{named}]'" in done.stderr


def test_the_help_lists_commands_whose_libraries_are_not_there():
    done = without(LIBRARIES, COMMAND, "--help")
    assert done.returncode == 0, done.stderr
    assert [name for name in ("codemod", "tracker", "removal", "audit", "guard", "divergences", "replay") if name not in done.stdout] == []
