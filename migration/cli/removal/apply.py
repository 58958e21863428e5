"""`removal apply`: remove control of a surface, with everything that only it needs."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migration.cli.output import JsonFlag, note, print_json
from migration.errors import CertificateError, ConfigurationError
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.consolidation.removal import RemovalManifest, RemovalPlan


_FINDING = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of a plan."""

    written: bool = False
    into: Path | None = None
    flags: tuple[str, ...] = ()  #: keys of the flags that were removed
    refused: str | None = None  #: why the certificate does not allow the removal


def run(
    surface: Annotated[list[str] | None, typer.Argument(help="The surfaces whose control is removed.")] = None,
    *,
    all_surfaces: Annotated[bool, typer.Option("--all", help="All remaining surfaces, and the migration with them.")] = False,
    certificate: Annotated[Path | None, typer.Option("--certificate", help="The certificate that allows it.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Remove control. Without this option only the diff is shown.")] = False,
    into: Annotated[Path | None, typer.Option("--into", help="Rehearse: write the tree without control into a new folder.")] = None,
    root: Annotated[Path, typer.Option("--root", help="The folder with the pyproject.toml that names what belongs to control.")] = Path(),
    as_json: JsonFlag = False,
) -> None:
    """Remove control of surfaces: engines, adapters, ledgers, flags, tests, and everything else that only these need. Without `--write` it
    only shows the diff.

    Exit codes: 0 done or possible; 1 something is left to a person, or the certificate does not allow it; 2 wrong use.

    Example: netra-migration removal apply chat --certificate removal-certificate.json --write
    """
    from migration.consolidation.removal import load_manifest, plan_removal

    root = root.resolve()
    manifest = load_manifest(root)
    if bool(surface) == all_surfaces:
        raise ConfigurationError("name surfaces, or give --all")
    if write and into is not None:
        raise ConfigurationError("--into rehearses on a copy, --write changes the tree; give one of them")
    if into is None and certificate is None:
        raise ConfigurationError(
            "removal needs --certificate FILE, from `netra-migration removal certificate`; --into DIR rehearses without a certificate"
        )
    document = _read(certificate) if certificate is not None else None
    plan = plan_removal(root, list(manifest.surfaces) if all_surfaces else surface or (), manifest, whole=all_surfaces)
    done = Done()
    if into is None and document is not None and (reason := _refusal(document, manifest, plan, root)) is not None:
        done = Done(refused=reason)
    elif not plan.left:
        done = _rehearse(root, plan, into) if into is not None else _write(root, plan, document, manifest) if write else done
    if as_json:
        print_json(_document(plan, done))
    elif not done.written:
        _show(plan)
    _report(plan, done)
    if plan.left or done.refused is not None:
        raise typer.Exit(_FINDING)


def _read(certificate: Path) -> bytes:
    try:
        return certificate.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{certificate}: {error.strerror}; name the file that `netra-migration removal certificate` wrote"
        ) from error


def _refusal(document: bytes, manifest: "RemovalManifest", plan: "RemovalPlan", root: Path) -> str | None:
    from migration.consolidation.removal import verify

    try:
        verify(document, manifest.public_keys, now=time.time(), surfaces=plan.surfaces, root=root, home=MigrationSettings().home)
    except CertificateError as error:
        return str(error)
    return None


def _rehearse(root: Path, plan: "RemovalPlan", folder: Path) -> Done:
    from migration.consolidation.removal import read_tree, write_copy

    write_copy(root, plan.after(read_tree(root)), folder)
    return Done(into=folder)


def _write(root: Path, plan: "RemovalPlan", document: bytes | None, manifest: "RemovalManifest") -> Done:
    from migration.consolidation.removal import carry_out, check_clean
    from migration.rollout import remove_flags

    settings = MigrationSettings()  # read first: after the removal this program may not exist any more
    check_clean(root, plan)
    # Check again: the tree may have changed while the plan was made.
    if document is None or (reason := _refusal(document, manifest, plan, root)) is not None:
        return Done(refused=reason if document is not None else "there is no certificate")
    carry_out(root, plan)
    flags = remove_flags(settings.path(settings.flags_file), plan.surfaces) if settings.flags_source == "file" else ()
    return Done(written=True, flags=flags)


def _document(plan: "RemovalPlan", done: Done) -> dict[str, Any]:
    from migration.consolidation.removal import as_diff

    return {
        "surfaces": plan.surfaces,
        "migration": plan.whole,
        "written": done.written,
        "into": str(done.into) if done.into is not None else None,
        "refused": done.refused,
        "deleted": [{"path": item.path, "lines": item.lines, "reason": item.reason} for item in plan.deleted],
        "edited": [{"path": item.path, "diff": as_diff(item)} for item in plan.edited],
        "left": [{"path": item.path, "line": item.line, "advice": item.advice} for item in plan.left],
        "flags": done.flags,
    }


def _show(plan: "RemovalPlan") -> None:
    from migration.consolidation.removal import as_diff

    for item in sorted(plan.deleted, key=lambda item: item.path):
        typer.echo(f"deleted: {item.path} ({item.lines} lines; {item.reason})")
    for change in plan.edited:
        sys.stdout.write(as_diff(change))


def _report(plan: "RemovalPlan", done: Done) -> None:
    for item in plan.left:
        note(f"left to you: {item.path}:{item.line}: {item.advice}")
    for key in done.flags:
        note(f"flag {key} was removed from the flag file")
    if done.refused is not None:
        note(f"refused: {done.refused}")
    lines = sum(item.lines for item in plan.deleted)
    what = f"{len(plan.deleted)} files with {lines} lines deleted, {len(plan.edited)} edited"
    if done.written:
        note(f"{what}; version control can restore it until it is committed")
    elif done.into is not None:
        note(f"{what} in {done.into}; the tree itself is unchanged")
    else:
        note(f"{what}, {len(plan.left)} places left to you; nothing was written")
