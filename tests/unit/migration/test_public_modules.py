"""What is public of the migration is a list of modules; every other one is held private by a contract."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PUBLIC = {
    "migration.effects",
    "migration.effects.http",
    "migration.effects.sql",
    "migration.adapters",
    "migration.testing",
    "migration.errors",
}
PUBLIC |= {f"migration.adapters.{name}" for name in ("anthropic", "langgraph", "openai", "openai_agents", "pydantic_ai")}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def children(package):
    folder = ROOT.joinpath(*package.split("."))
    return {f"{package}.{path.stem}" for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {
        f"{package}.__init__"
    }


def test_every_module_is_public_or_held_private():
    (contract,) = [one for one in CONTRACTS if one["name"] == "The backend imports public modules of migration"]
    private = set(contract["forbidden_modules"])
    there = children("migration") | children("migration.effects") | children("migration.adapters")
    assert private == there - PUBLIC
    assert there >= PUBLIC
