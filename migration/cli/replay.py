"""`replay`: run recorded runs, or conversations in other formats, through both engines, offline."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from migration.cli.names import conversations_on
from migration.cli.output import JsonFlag, note, print_json, print_table
from migration.errors import RecordingError
from migration.replay import Strictness
from migration.settings import MigrationSettings

if TYPE_CHECKING:
    from migration.comparison import RuleUse
    from migration.recordings import BadLine, RecordedRun, Skipped
    from migration.replay import Replay, Report

    Item = RecordedRun | Skipped | BadLine


command = typer.Typer(add_completion=False)

_FINDING: Final = 1
_NAMED: Final = 50  #: bad lines that are shown on stderr; the report counts all of them
_REASONS: Final = 3  #: reasons that are shown for a path without a run


@command.command()
def replay(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Files or folders of recordings or conversations (docs/migration/recordings.md), plain or packed by gzip or "
            "zstd; -: stdin.",
        ),
    ],
    surface: Annotated[
        str | None,
        typer.Option(help="Surface whose engines run conversations; default: the first one being migrated that accepts conversations."),
    ] = None,
    agent: Annotated[str, typer.Option(help="Agent that answers conversations.")] = "assistant",
    tenant: Annotated[str, typer.Option(help="Tenant of conversations.")] = "recorded",
    user: Annotated[str, typer.Option(help="User of conversations.")] = "recorded-user",
    store: Annotated[bool, typer.Option(help="Store what is found as evidence.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show which rule of the policy ignored which fields, and how often.")] = False,
    fail_on: Annotated[
        Strictness,
        typer.Option(
            help="Exit with 1 on: `divergent`: this verdict; `inconclusive`: this one and divergent; `accepted`: every verdict "
            "except match."
        ),
    ] = "inconclusive",
    as_json: JsonFlag = False,
) -> None:
    """Run recorded runs through control and candidate and compare them. No model is asked, no tool is called.

    With NETRA_MIGRATION_MISS_POLICY=allow, read-only tools are called if the recording does not contain their answer.

    Exit codes: 0 every run matches, or its differences are accepted or noise; 1 a divergent or inconclusive run (see --fail-on), a line
    that cannot be read, or a path without a run; 2 wrong use.

    Example: netra-migration replay conversations.jsonl.gz --json
    """
    from migration.recordings import files_of, read, size_of

    settings = MigrationSettings()
    chosen = conversations_on(settings, surface, agent)
    files = {path: files_of(path) for path in paths}
    started = time.monotonic()
    with _running(settings, store=store, explain=explain) as running, _progress(size_of([*chain(*files.values())])) as (on_bytes, on_run):
        counted = _Counted(on_run)
        for path, inside in files.items():
            counted.begin(path)
            for file in inside:
                items = read(file, surface=chosen, agent=agent, tenant_id=tenant, user_id=user, project=settings.project, on_bytes=on_bytes)
                counted.count(running.feed(_readable(items, file, alone=file is path)))
        report = running.report(time.monotonic() - started)
        report.empty = counted.empty()
    folder = settings.path(settings.ledger_dir)
    report.ledger = str(folder) if folder.is_dir() else None
    if report.ledger is None:
        note(
            f"there is no ledger folder {folder}, so no divergence is accepted; run this in the folder that contains the project's "
            "`ledger`, or name it with NETRA_MIGRATION_LEDGER_DIR"
        )
    if as_json:
        print_json(report)
    else:
        _print(report)
    for reason in report.empty:
        note(reason)
    if not report.passes(fail_on):
        raise typer.Exit(_FINDING)


@contextmanager
def _running(settings: MigrationSettings, *, store: bool, explain: bool) -> "Iterator[Replay]":
    from migration.comparison import default_policy
    from migration.effects.journals import BLOCK, Guard
    from migration.replay import Replay
    from migration.shadow import replay_parts

    parts = replay_parts(settings, store=store)
    guard = Guard(trust_kin=parts.misses is not BLOCK)
    policies = partial(default_policy, project=settings.project) if explain else None
    with closing(Replay(parts, seal=guard.sealed, deadline_s=settings.shadow_deadline_s, explain=policies)) as running:
        yield running


def _readable(items: "Iterator[Item]", file: Path, *, alone: bool) -> "Iterator[Item]":
    """Yield the items. If the file cannot be read: with `alone`, raise the error, because the user named this file; otherwise yield one bad
    line.
    """
    from migration.recordings import BadLine

    try:
        yield from items
    except RecordingError as error:
        if alone:
            raise
        yield BadLine(line=0, reason=str(error), file=str(file))


class _Counted:
    """Counts the contents of each path, and reports each bad line on stderr as soon as it is read."""

    def __init__(self, on_run: Callable[[], None]) -> None:
        self._on_run = on_run
        self._named = 0
        self._path = ""
        self._runs: dict[str, int] = {}
        self._reasons: dict[str, dict[str, None]] = {}

    def begin(self, path: Path) -> None:
        """From now on, count for this path."""
        self._path = str(path)
        self._runs.setdefault(self._path, 0)
        self._reasons.setdefault(self._path, {})

    def count(self, items: "Iterable[Item]") -> None:
        """Count the items."""
        from migration.recordings import BadLine, RecordedRun

        reasons = self._reasons[self._path]
        for item in items:
            if isinstance(item, RecordedRun):
                self._runs[self._path] += 1
                self._on_run()
            elif len(reasons) <= _REASONS:
                reasons[item.reason] = None
            if isinstance(item, BadLine):
                self._named += 1
                if self._named <= _NAMED:
                    note(f"{item.file or self._path}:{item.line}: {item.reason}")
                if self._named == _NAMED:
                    note("more lines cannot be read; they are counted and not named here; --json lists them")

    def empty(self) -> list[str]:
        """Return a sentence for each path without a run, with the first reasons."""
        from migration.recordings import named

        return [
            f"no run in {named(Path(path))}: {'; '.join(list(self._reasons[path])[:_REASONS]) or 'it is empty'}"
            for path, runs in self._runs.items()
            if not runs
        ]


@contextmanager
def _progress(size: int | None) -> Iterator[tuple[Callable[[int], None], Callable[[], None]]]:
    """Show on stderr how much was read and how many runs are done. Yield two functions: the first reports that bytes were read, the second
    that a run is done.

    Args:
        size: number of bytes to read; None: not known.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("replaying"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[runs]} runs"), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replaying", total=size, runs=0)
        done = 0

        def on_run() -> None:
            nonlocal done
            done += 1
            progress.update(task, runs=f"{done:,}")

        yield lambda more: progress.advance(task, more), on_run


def _print(report: "Report") -> None:
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
            f"What the policy of {surface} ignored",
            ["rule", "does", "touched", "why"],
            [[rule.rule, rule.action, _touched(rule), rule.reason] for rule in rules],
        )
    note(f"effects: {effects.recorded} recorded, {effects.replayed} replayed, {effects.performed_by_shadow} performed by a shadow")
    for trouble in report.inconclusive[:10]:
        note(f"inconclusive: {trouble['label']} ({trouble['run']}): {trouble['reason']}")
    for what, count in report.ignored.items():
        note(f"not read, in {count} runs: {what}")
    for reason, count in Counter(re.sub(r"\d+", "N", skipped.reason) for skipped in report.skipped).most_common(10):
        note(f"not a run ({count} times): {reason}")
    if report.bad_line_count:
        note(f"{report.bad_line_count} lines could not be read; they are named above")
    if report.evidence is not None:
        kept = report.evidence
        note(f"evidence: {kept.stored} stored, {kept.known} existed already, {kept.failed} could not be stored")


def _touched(rule: "RuleUse") -> str:
    return "\n".join(f"{field} ({times})" for field, times in rule.fields.items()) or "nothing"
