"""`removal certificate`: check surfaces, and sign that their control may be removed."""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from migration.cli.output import JsonFlag, note, print_json
from migration.cli.removal.check import Root, Surfaces, checked
from migration.consolidation.removal import VALID_DAYS
from migration.errors import ConfigurationError
from migration.settings import MigrationSettings

_FINDING = 1


def run(
    surfaces: Surfaces = None,
    *,
    out: Annotated[Path, typer.Option("--out", help="The file to write; an existing one is replaced.")] = Path("removal-certificate.json"),
    key: Annotated[Path | None, typer.Option("--key", help="The private key; default: NETRA_MIGRATION_SIGNING_KEY_FILE.")] = None,
    days: Annotated[float, typer.Option("--days", min=0.01, max=30, help="How long it is valid.")] = VALID_DAYS,
    root: Root = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Check surfaces and, if all are ready, sign a certificate. In CI, `removal verify` checks the certificate against the same tree.

    Exit codes: 0 written; 1 some criterion is not met, and nothing is written; 2 wrong use, or the key cannot be used.

    Example: netra-migration removal certificate chat --key ~/.config/netra/removal.pem
    """
    from migration.consolidation.removal import digests, load_key, load_manifest, public_key, sign

    file = key or MigrationSettings().signing_key_file
    if file is None:
        raise ConfigurationError(
            "no key to sign with: give --key or set NETRA_MIGRATION_SIGNING_KEY_FILE; `removal key --out FILE` makes one"
        )
    private, manifest = load_key(file), load_manifest(root)
    if public_key(private) not in manifest.public_keys:
        note(
            f"the manifest's `public-keys` do not list {public_key(private)!r}: `removal verify` will refuse the certificate until they do"
        )
    # Taken before the check, so that a change during the check makes the certificate invalid.
    trees = digests(root, manifest, surfaces or manifest.surfaces, MigrationSettings().home)
    found = checked(surfaces, root)
    unready = [one for one in found if not one.ready]
    for one in unready:
        note(f"{one.surface}: not ready:")
        for criterion in one.unmet:
            note(f"  {criterion.name}: {criterion.detail}")
    document = None if unready else sign(found, trees, private, now=time.time(), days=days)
    if document is not None:
        _write(out, document)
    if as_json:
        print_json({"certificate": None if document is None else str(out), "surfaces": found})
    if document is None:
        note("no certificate was written")
        raise typer.Exit(_FINDING)
    note(f"{out}: control of {', '.join(one.surface for one in found)} may be removed within {days:g} days")


def _write(out: Path, document: bytes) -> None:
    """Write the file atomically: a reader sees the old or the new version, never a part."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(document)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written ({error.strerror}); name another file with --out") from error
