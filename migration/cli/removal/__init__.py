"""`removal`: whether control of a surface may be removed, the certificate for it, and the removal. One module for each command."""

import typer

from migration.cli.removal import apply, certificate, check, flags, key, verify

command = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Check whether control of a surface may be removed, certify it, verify the certificate, and remove it.",
)

for one in (check, certificate, verify, apply, flags, key):
    command.command(one.__name__.rpartition(".")[2])(one.run)
