#!/usr/bin/env bash
# typer 0.29 does not import pydantic when it is imported, but every run of a command does, even of one without parameters: to convert the
# --help that nobody gave, and that import takes longer than the one of typer. Who is hurt: whoever measures `import typer` for the start of a
# command line. Ours converts plain values itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'typer==0.29.2'
"$folder/env/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import typer

app = typer.Typer()


@app.command()
def nothing() -> None:
    """Do nothing."""


before = "pydantic" in sys.modules
app([], standalone_mode=False)
after = "pydantic" in sys.modules
print("typer", version("typer"))
print(f"expected: a command without parameters converts nothing, so pydantic is not imported. seen: before {before}, after {after}")
sys.exit(0 if (before, after) == (False, True) else 1)
PY
