"""`guard`: fail on a new implementation or a new consumer of one that has to be removed."""

from pathlib import Path
from typing import Annotated

import typer

from migration.cli.output import JsonFlag, note, print_json
from migration.consolidation import BASELINE_NAME
from migration.errors import ConfigurationError

command = typer.Typer(
    add_completion=False,
    help="Fail on a new implementation, or a new consumer of one that has to be removed. The existing ones are listed in a "
    "baseline file, which only shrinks.",
)

_FINDING = 1


@command.command()
def run(
    path: Annotated[Path, typer.Argument(help="The folder to check.", show_default=True)] = Path(),
    *,
    baseline: Annotated[Path | None, typer.Option("--baseline", help=f"The baseline file; default: {BASELINE_NAME} in the folder.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Let the baseline shrink to what still exists. It never grows.")] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Allow everything that exists now. Use it for the first baseline, or after code was moved and reviewed."
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with [tool.netra-migration.audit]; default: the closest one.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fail on a new implementation, or a new consumer of one that has to be removed.

    Exit codes: 0 nothing is new and nothing was removed; 1 something is new or was removed; 2 wrong use.
    """
    from migration.cli.progress import progress_bar
    from migration.consolidation import (
        audit,
        baseline_of,
        default_cache,
        guard_findings,
        load_baseline,
        load_configuration,
        save_baseline,
        shrunk,
    )

    if config is not None and not config.is_file():
        raise ConfigurationError(f"{config}: no such file; give a TOML file with [tool.netra-migration.audit]")
    file = baseline or path / BASELINE_NAME
    configuration = load_configuration(path.resolve(), config)
    with progress_bar("auditing") as progress:
        inventory = audit(path, configuration=configuration, cache=default_cache(), progress=progress)
    if accept:
        save_baseline(file, baseline_of(inventory))
    elif update:
        save_baseline(file, shrunk(inventory, load_baseline(file)))
    allowed = load_baseline(file)
    findings = guard_findings(inventory, allowed)
    for finding in findings:
        note(finding.advice)
    if any(finding.kind == "gone" for finding in findings):
        note("`netra-migration guard --update` lets the baseline shrink")
    uses = sum(sum(modules.values()) for modules in allowed.consumers.values())
    if as_json:
        rows = [
            {
                "kind": item.kind,
                "path": item.path,
                "module": item.module,
                "allowed": item.allowed,
                "found": item.found,
                "advice": item.advice,
            }
            for item in findings
        ]
        print_json(
            {"allowed": {"implementations": len(allowed.implementations), "files": len(allowed.consumers), "uses": uses}, "findings": rows}
        )
    else:
        typer.echo(f"{len(allowed.implementations)} implementations and {uses} uses in {len(allowed.consumers)} files are left")
    if findings:
        raise typer.Exit(_FINDING)
