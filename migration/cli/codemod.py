"""`codemod`: rewrite the consumers of legacy implementations if the result is certain, and report all other places."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.errors import ConfigurationError

if TYPE_CHECKING:
    from migration.consolidation.codemod import CodemodPlan


command = typer.Typer(
    add_completion=False,
    help="Rewrite the consumers of legacy implementations to the target where that is certain, and report the places where it is not.",
)

_FINDING = 1


@command.command()
def run(
    path: Annotated[Path, typer.Argument(help="The folder to rewrite.", show_default=True)] = Path(),
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Write the files. Without it only the diff is shown.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with [tool.netra-migration.audit]; default: the closest one.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="TOML file with [tool.netra-migration.codemod]; default: the closest pyproject.toml with it."),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="FILE:LINE", help="Show only the work by hand of this place or file, in full."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Rewrite the consumers of legacy implementations to the target where that is certain, and report the places where it is not.

    Exit codes: 0 nothing is left to do, 1 there is something to write or to do by hand, 2 wrong use.
    """
    from migration.cli.progress import progress_bar
    from migration.consolidation import load_configuration
    from migration.consolidation.codemod import apply_plan, load_codemod_configuration, plan_codemod

    for file in (config, rules):
        if file is not None and not file.is_file():
            raise ConfigurationError(f"{file}: no such file; give a TOML file")
    started_s = time.perf_counter()
    root = path.resolve()
    audit, codemod = load_configuration(root, config), load_codemod_configuration(root, rules)
    with progress_bar("rewriting") as progress:
        made = plan_codemod(path, audit=audit, codemod=codemod, progress=progress)
    if apply:
        apply_plan(made)
    if as_json:
        print_json(_document(made, applied=apply, seconds=time.perf_counter() - started_s))
    else:
        _show(made, applied=apply, explain=explain)
        _report(made, applied=apply, explain=explain)
    if made.advice or (made.changes and not apply):
        raise typer.Exit(_FINDING)


def _show(made: "CodemodPlan", *, applied: bool, explain: str | None) -> None:
    """Show the diff, or the paths of the files that were written; nothing if the question is about one place."""
    from migration.consolidation.codemod import as_diff

    for change in made.changes if explain is None else ():
        if applied:
            typer.echo(change.path)
        else:
            _write(as_diff(change))


def _write(diff: str) -> None:
    """Write a diff with the bytes of its files, whatever their encoding, so that it can be applied."""
    sys.stdout.flush()
    sys.stdout.buffer.write(diff.encode("utf-8", errors="surrogateescape"))
    sys.stdout.buffer.flush()


def _printable(text: str) -> str:
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")


def _document(made: "CodemodPlan", *, applied: bool, seconds: float) -> dict[str, Any]:
    from migration.consolidation.codemod import as_diff, grouped

    return {
        "applied": applied,
        "legacy": made.legacy,
        "changes": [{"path": change.path, "modules": change.modules, "diff": _printable(as_diff(change))} for change in made.changes],
        "by_hand": [
            {"path": item.path, "line": item.line, "module": item.module, "advice": item.advice, "fails": item.fails}
            for item in made.advice
        ],
        "groups": [
            {"cause": group.cause, "module": group.module, "places": len(group.places), "files": group.files, "example": group.example}
            for group in grouped(made.advice)
        ],
        "checked": made.checked,
        "left": made.left,
        "problems": [{"path": item.path, "kind": item.kind, "detail": item.detail} for item in made.problems],
        "seconds": round(seconds, 3),
    }


def _report(made: "CodemodPlan", *, applied: bool, explain: str | None) -> None:
    """Report what must be changed by hand, grouped by cause: as a table if stdout shows nothing else, otherwise as lines on stderr."""
    from migration.consolidation.codemod import explained, grouped

    for problem in made.problems:
        note(f"not rewritten: {problem.path}: {problem.kind}: {problem.detail}")
    if explain is not None:
        for item in explained(made.advice, explain):
            note(f"by hand: {item.path}:{item.line}: {item.advice}")
    groups = grouped(made.advice) if explain is None else ()
    if applied and groups:
        rows = [[str(len(group.places)), str(group.files), group.example, group.cause] for group in groups]
        print_table("By hand", ["places", "files", "example", "what to do"], rows)
    else:
        for group in groups:
            many = f" ({len(group.places)} places in {group.files} files)" if len(group.places) > 1 else ""
            note(f"by hand: {group.example}: {group.cause}{many}")
    done = "rewritten" if applied else "to be rewritten; --apply writes them"
    files = {item.path for item in made.advice}
    note(
        f"{len(made.changes)} files {done}; {len(made.advice)} places in {len(files)} files by hand; --explain FILE:LINE shows one in full"
    )
    if made.changes:
        note(f"checked: {'; '.join(made.checked)}")
    if made.left:
        note(
            f"{len(made.left)} of these files fail without the legacy modules; the others only name the modules, or perhaps do not use them"
        )
