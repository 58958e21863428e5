"""`replay`: recorded runs, or conversations in the OpenAI chat format, through both engines, offline."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer

from migration.cli.names import first_surface, known_surface
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.comparison.explain import Rule
from migration.recordings import BadLine, RecordedRun, Skipped, read
from migration.replay import Replay, Report, Strictness
from migration.settings import MigrationSettings

command = typer.Typer(add_completion=False)

_FINDING: Final = 1
Item = RecordedRun | Skipped | BadLine


@command.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Own recordings or OpenAI-format conversations, one JSON object a line; may be gzipped.")],
    surface: Annotated[
        str | None, typer.Option(help="Surface whose engines run conversations; default: the first that is being migrated.")
    ] = None,
    agent: Annotated[str, typer.Option(help="Agent that answers conversations.")] = "assistant",
    tenant: Annotated[str, typer.Option(help="Tenant of conversations.")] = "recorded",
    user: Annotated[str, typer.Option(help="User of conversations.")] = "recorded-user",
    store: Annotated[bool, typer.Option(help="Keep what is found as evidence.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell which rule of the policy overlooked which fields, and how often.")
    ] = False,
    fail_on: Annotated[
        Strictness,
        typer.Option(help="Exit with 1 from which verdict on: divergent; inconclusive, which includes it; accepted: all but a match."),
    ] = "inconclusive",
    as_json: JsonFlag = False,
) -> None:
    """Run recorded runs through control and candidate and compare them. No model is asked, no tool is called.

    With NETRA_MIGRATION_MISS_POLICY=allow tools that only read are called where the recording does not hold their answer.

    Exit codes: 0 all explained; 1 a divergent or inconclusive run (see --fail-on), or a line that cannot be read; 2 wrong use.

    Example: netra-migration replay conversations.jsonl.gz --json
    """
    from migration.effects import BLOCK
    from migration.effects.guard import Guard
    from migration.shadow.wiring import replay_parts

    settings = MigrationSettings()
    items = read(file, surface=known_surface(settings, surface or first_surface(settings)), agent=agent, tenant_id=tenant, user_id=user)
    first = next(items, None)  # a file that cannot be opened is wrong use, and said before engines are built
    started = time.monotonic()
    parts = replay_parts(settings, store=store)
    guard = Guard(trust_kin=parts.misses is not BLOCK)
    with closing(Replay(parts, seal=guard.sealed, deadline_s=settings.shadow_deadline_s, explain=explain)) as running:
        for item in _with_progress(running.feed(_chain(first, items))):
            if isinstance(item, BadLine):
                note(f"{file}:{item.line}: {item.reason}")
        report = running.report(time.monotonic() - started)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report.passes(fail_on):
        raise typer.Exit(_FINDING)


def _chain(first: Item | None, rest: Iterator[Item]) -> Iterator[Item]:
    if first is not None:
        yield first
        yield from rest


def _with_progress(items: Iterable[Item]) -> Iterator[Item]:
    """Count runs on a terminal's stderr while they are done."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("replaying"), MofNCompleteColumn(), TextColumn("runs"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replaying", total=None)
        for item in items:
            progress.advance(task, isinstance(item, RecordedRun))
            yield item


def _print(report: Report) -> None:
    effects = report.effects
    print_table(
        f"{report.runs} runs in {report.seconds:.1f} s",
        ["verdict", "runs"],
        [[verdict, str(count)] for verdict, count in report.verdicts.items()],
    )
    print_table(
        "Divergences",
        ["fingerprint", "kind", "severity", "verdict", "count", "example"],
        [
            [found.fingerprint, found.kind, found.severity, found.verdict.value, str(found.count), found.example["sentence"]]
            for found in report.divergences
        ],
    )
    for surface, rules in (report.explained or {}).items():
        print_table(
            f"What the policy of {surface} overlooked",
            ["rule", "does", "touched", "why"],
            [[rule.rule, rule.action, _touched(rule), rule.reason] for rule in rules],
        )
    note(f"effects: {effects.recorded} recorded, {effects.replayed} replayed, {effects.performed_by_shadow} performed by a shadow")
    for trouble in report.inconclusive[:10]:
        note(f"inconclusive: {trouble['run']}: {trouble['reason']}")
    if report.skipped:
        note(f"{len(report.skipped)} parts are no runs, such as a turn that nobody answered")
    if report.bad_lines:
        note(f"{len(report.bad_lines)} lines could not be read; they are named above")


def _touched(rule: Rule) -> str:
    return "\n".join(f"{field} ({times})" for field, times in rule.fields.items()) or "nothing"
