"""`audit`: which implementations a tree has, who uses them, and what cannot work."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from migration.cli.output import JsonFlag, note, print_json
from migration.errors import ConfigurationError

if TYPE_CHECKING:
    from migration.consolidation import AuditConfiguration, Inventory


command = typer.Typer(
    add_completion=False,
    help="Find every implementation of the engine family and everything that uses it. No code of the tree is imported or run.",
)

_FINDING = 1
_MOST_NOTES = 20


@command.command()
def run(
    path: Annotated[Path, typer.Argument(help="The folder to audit.", show_default=True)] = Path(),
    *,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with [tool.netra-migration.audit]; default: the closest one.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write a SARIF 2.1.0 log for code hosts to this file.")] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write a graph of all uses to this file.")] = None,
    inventory_file: Annotated[
        Path | None, typer.Option("--inventory", help="Write all findings, with file and line, as JSON to this file.")
    ] = None,
    cache: Annotated[Path | None, typer.Option("--cache", help="Folder for the cache; default: the platform's.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Use no cache.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Find every implementation of the engine family and everything that uses it.

    Exit codes: 0 nothing to do; 1 an implementation has to be removed, or an import or call cannot work; 2 wrong use.
    """
    from migration.cli.progress import progress_bar
    from migration.consolidation import as_document, audit, default_cache, has_findings, load_configuration

    if config is not None and not config.is_file():
        raise ConfigurationError(f"{config}: no such file; give a TOML file with [tool.netra-migration.audit]")
    started_s = time.perf_counter()
    configuration = load_configuration(path.resolve(), config)
    with progress_bar("auditing") as progress:
        inventory = audit(path, configuration=configuration, cache=None if no_cache else cache or default_cache(), progress=progress)
    seconds = time.perf_counter() - started_s
    if sarif is not None:
        from migration.consolidation import as_sarif

        _write(sarif, msgspec.json.format(msgspec.json.encode(as_sarif(inventory)), indent=2))
    if svg is not None:
        from migration.consolidation import as_svg, lay_out

        _write(svg, as_svg(lay_out(inventory), f"Who uses what in {Path(inventory.root).name}").encode())
    if inventory_file is not None:
        _write(inventory_file, msgspec.json.format(msgspec.json.encode(inventory), indent=2))
    if as_json:
        print_json(as_document(inventory, seconds))
    else:
        from rich.console import Console

        from migration.consolidation import print_tables

        print_tables(inventory, seconds, Console())
    _note(inventory, configuration)
    if has_findings(inventory):
        raise typer.Exit(_FINDING)


def _note(inventory: "Inventory", configuration: "AuditConfiguration") -> None:
    for problem in inventory.problems[:_MOST_NOTES]:
        note(f"not audited: {problem.path}: {problem.kind}: {problem.detail}")
    if len(inventory.problems) > _MOST_NOTES:
        note(f"not audited: {len(inventory.problems) - _MOST_NOTES} more files; --inventory lists all")
    if not inventory.implementations:
        note(f"no class here matches {', '.join(configuration.classes)}; point [tool.netra-migration.audit] in pyproject.toml at your own")


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror}); give another path") from error
