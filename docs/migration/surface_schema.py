"""Writes `migration/comparison/surface.schema.json`: the JSON Schema of a surface's TOML file, for editors that check as one types.

python docs/migration/surface_schema.py            rewrite it
python docs/migration/surface_schema.py --check    exit with 1 when it is out of date
"""

import sys
from pathlib import Path

import msgspec

from migration.comparison.policy import Policy

FILE = Path(__file__).parents[2] / "migration" / "comparison" / "surface.schema.json"


def text() -> str:
    """Return the schema of what a policy is read from."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A surface"} | msgspec.json.schema(Policy)
    return msgspec.json.format(msgspec.json.encode(schema), indent=1).decode() + "\n"


def main() -> int:
    """Write or check it."""
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text(), encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text():
        sys.stderr.write(f"{FILE} is out of date: run make generate\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
