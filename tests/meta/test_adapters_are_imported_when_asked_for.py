"""Whoever uses no SDK pays for none."""

import subprocess
import sys

PROGRAM = """
import sys
import migration, migration.adapters, migration.effects, migration.composition
print(*sorted({"openai", "anthropic", "httpx2", "langgraph", "langchain_core", "agents", "pydantic_ai"} & sys.modules.keys()))
"""


def test_importing_the_migration_imports_no_sdk_and_no_framework():
    assert subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60).stdout == "\n"
