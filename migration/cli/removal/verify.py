"""`removal verify`: does a certificate allow the removal of control from this tree, now?"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migration.cli.output import JsonFlag, note, print_json
from migration.errors import CertificateError, ConfigurationError
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.consolidation.removal import Certificate


_FINDING = 1


def run(
    file: Annotated[Path, typer.Argument(help="The certificate.")],
    surface: Annotated[
        list[str] | None,
        typer.Option(
            "--surface",
            help="The certificate must allow the removal of control of this surface; may be given several times. Default: the "
            "surfaces that it names.",
        ),
    ] = None,
    root: Annotated[Path, typer.Option("--root", help="The folder with the pyproject.toml that names what belongs to control.")] = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Verify a removal certificate: signature, key, date and surfaces, and that the tree has not changed since it was certified.

    Needs only the code, no database and no flags: a clean clone in CI is enough.

    Exit codes: 0 the certificate allows the removal; 1 it does not, and the reason is shown; 2 wrong use.

    Example: netra-migration removal verify removal-certificate.json --surface chat
    """
    from migration.consolidation.removal import load_manifest, verify

    manifest = load_manifest(root)
    for name in surface or ():
        manifest.of(name)
    try:
        document = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; name the file that `netra-migration removal certificate` wrote") from error
    certificate, reason = None, None
    try:
        home = MigrationSettings().home
        certificate = verify(document, manifest.public_keys, now=time.time(), surfaces=surface or (), root=root, home=home)
    except CertificateError as error:
        reason = str(error)
    if as_json:
        print_json({"valid": reason is None, "reason": reason, "certificate": certificate})
    if certificate is None:
        note(f"{file}: refused: {reason}")
        raise typer.Exit(_FINDING)
    note(_sentence(certificate))


def _sentence(certificate: "Certificate") -> str:
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(certificate.expires_at))
    surfaces = ", ".join(one.surface for one in certificate.surfaces)
    return f"valid until {until}: control of {surfaces} may be removed from this tree"
