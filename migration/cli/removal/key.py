"""`removal key`: make a key for signing certificates."""

from pathlib import Path
from typing import Annotated

import typer

from migration.cli.output import JsonFlag, note, print_json


def run(
    out: Annotated[Path, typer.Option("--out", help="The new file, readable only by you. It is never overwritten.")],
    as_json: JsonFlag = False,
) -> None:
    """Make a private key for signing removal certificates, and print the public one.

    Put the public key into `public-keys` of [tool.netra-migration.removal] in pyproject.toml, where it is reviewed like code. Anyone who
    has the private key can sign that control may be removed. Keep the private key out of version control.

    Exit codes: 0 made; 2 the file already exists, or cannot be written.

    Example: netra-migration removal key --out ~/.config/netra/removal.pem
    """
    from migration.consolidation.removal import make_key

    public = make_key(out)
    if as_json:
        print_json({"file": str(out), "public_key": public})
    else:
        typer.echo(public)
    note(f"{out}: keep it secret; add {public!r} to `public-keys` of [tool.netra-migration.removal] in pyproject.toml")
