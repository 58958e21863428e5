"""`tracker`: show the progress of the consolidation. Each box is ticked by evidence that a command can repeat."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.errors import ConfigurationError

if TYPE_CHECKING:
    from migration.consolidation.tracker import PytestRuns, TrackerStep


command = typer.Typer(
    add_completion=False, help="Show the progress of the consolidation, in steps 0 to 6. Each box is ticked by evidence, none by hand."
)

_FINDING = 1


@command.command()
def run(
    path: Annotated[Path, typer.Argument(help="The folder of the consolidation.", show_default=True)] = Path(),
    *,
    write: Annotated[Path | None, typer.Option("--write", help="Write the steps as Markdown to this file.")] = None,
    check: Annotated[Path | None, typer.Option("--check", help="Exit with 1, and show the diff, if this file is not up to date.")] = None,
    run_them: Annotated[
        bool,
        typer.Option("--run", help="Run the tests that boxes name several times in a row, and use the results for these boxes too."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the progress of the consolidation, in steps 0 to 6. Each box is ticked by evidence, none by hand.

    The written page depends only on the files, so it is the same in every clone. Results of --run are shown, but not written.

    Exit codes: 0 shown or written; 1 the file of --check is not up to date, or a round of --run failed; 2 wrong use.

    Example: netra-migration tracker --write docs/tracker.md
    """
    from migration.cli.progress import progress_bar
    from migration.consolidation import default_cache
    from migration.consolidation.tracker import as_markdown, run_tests, track

    if run_them and (write is not None or check is not None):
        raise ConfigurationError("results of --run are not in any file, and a page is made only from files; leave out --write and --check")
    rounds = run_tests(path, note) if run_them else None
    with progress_bar("auditing") as progress:
        steps = track(path, rounds=rounds, cache=default_cache(), progress=progress)
    if write is not None:
        _write(write, as_markdown(steps, _name(write, path)))
    stale = _difference(check, _name(check, path), steps) if check is not None else ""
    if as_json:
        print_json(_document(steps, rounds))
    elif check is None:
        _print(steps)
    if stale:
        typer.echo(stale, err=as_json, nl=False)
        note(f"{check} is not up to date; `netra-migration tracker --write {check}` writes it again")
    if stale or (rounds is not None and not rounds.green):
        raise typer.Exit(_FINDING)


def _name(page: Path, root: Path) -> str:
    """Return the name of the page that its first lines show: its path relative to the tracked folder, or only the file's name if it is
    elsewhere.
    """
    file, root = page.resolve(), root.resolve()
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else page.name


def _difference(page: Path, name: str, steps: "Sequence[TrackerStep]") -> str:
    from migration.consolidation.tracker import as_diff, as_markdown

    try:
        before = page.read_text(encoding="utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{page}: cannot be read ({error}); give the page that --write wrote") from error
    return as_diff(before, as_markdown(steps, name), name)


def _write(page: Path, text: str) -> None:
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigurationError(f"{page}: cannot be written ({error.strerror}); give another path") from error


def _document(steps: "Sequence[TrackerStep]", rounds: "PytestRuns | None") -> dict[str, Any]:
    document: dict[str, Any] = {
        "steps": [
            {
                "step": step.step,
                "title": step.title,
                "boxes": [{"text": box.text, "done": box.done, "evidence": box.evidence, "command": box.command} for box in step.boxes],
                "done": step.done,
                "total": step.total,
            }
            for step in steps
        ]
    }
    if rounds is not None:
        document["rounds"] = {"wanted": rounds.wanted, "run": len(rounds.rounds), "green": rounds.green}
    return document


def _print(steps: "Sequence[TrackerStep]") -> None:
    """Print one row for each step, then the open boxes."""
    print_table(
        f"{sum(step.done for step in steps)} of {sum(step.total for step in steps)} boxes are ticked",
        ["step", "", "done"],
        [[str(step.step), step.title, f"{step.done} of {step.total}"] for step in steps],
    )
    for step in steps:
        for box in step.boxes:
            if not box.done:
                typer.echo(f"{step.step}  {box.text}\n   {box.evidence}\n   $ {box.command}")
