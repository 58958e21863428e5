"""Finds a recording that shows a divergence and minimises it, with a progress bar."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from migration.cli.kept_recordings import kept
from migration.cli.names import first_surface
from migration.cli.output import note, print_json
from migration.comparison import Comparer
from migration.errors import ConfigurationError
from migration.import_strings import load
from migration.model import Verdict
from migration.recordings import BadLine, RecordedRun, named, read, read_line, write_line
from migration.reproduce import BothEngines, Budget, Minimised, ShrinkProgress, minimise, test_file
from migration.settings import MigrationSettings


def minimised(
    settings: MigrationSettings, fingerprint: str, budget: Budget, *, recording: Path | None, surface: str | None
) -> Minimised | None:
    """Return the first recording that shows the divergence, minimised; None if no recording shows it.

    Args:
        settings: where the engines and the evidence are.
        fingerprint: 12 hex digits.
        budget: the limit for all attempts together.
        recording: a file of recordings; None: the stored recordings, the smallest first.
        surface: the surface of the recordings; None: for stored recordings any surface, for conversations the first one that is being
            migrated.

    Raises:
        ConfigurationError: the engines cannot be loaded, or no recording is stored.
        LedgerError: the ledger is not valid.
        UnknownFingerprintError: no file is given, and the evidence does not contain the kind.
        RecordingError: the file cannot be read.
        EvidenceError: the evidence cannot be read.
    """
    runs = _kept(settings, fingerprint, surface) if recording is None else _of_file(settings, recording, surface or first_surface(settings))
    build = load(settings.engines, settings.import_path)
    comparer, ends_at = Comparer(settings.path(settings.ledger_dir), project=settings.project), time.monotonic() + budget.seconds
    engines = BothEngines(build, comparer=comparer, deadline_s=settings.shadow_deadline_s)
    with closing(engines), _quiet(), _progress(budget) as on_progress:
        for number, run in enumerate(runs):
            left_s = ends_at - time.monotonic()
            if number and left_s <= 0:
                note(f"{number} recordings do not show it, and then the time was used up; a larger --max-seconds allows more")
                return None
            found = minimise(run, fingerprint, engines, budget=msgspec.structs.replace(budget, seconds=left_s), on_progress=on_progress)
            if found is not None:
                return found
    return None


def write_down(found: Minimised, engines: str, out: Path | None, *, as_json: bool) -> None:
    """Write the test into the file, or print it, and report what was found.

    Args:
        found: the minimised recording and its divergence.
        engines: import string of the `EngineBuilder` that it uses.
        out: a new file; None: stdout.
        as_json: print one JSON document on stdout instead; without a file it contains the test.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    source = test_file(found, engines)
    before, after = len(write_line(found.before)), len(write_line(found.recording))
    if out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(source, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{out} cannot be written: {error.strerror}; name another file") from error
    if as_json:
        facts = {"fingerprint": found.divergence.fingerprint, "kind": found.divergence.kind, "sentence": str(found.divergence.sentence)}
        size = {"bytes_before": before, "bytes_after": after}
        size |= {"effects_before": len(found.before.journal), "effects_after": len(found.recording.journal)}
        how = {"attempts": found.attempts, "complete": found.complete, "seconds": round(found.seconds, 3)}
        print_json(facts | size | how | {"out": None if out is None else str(out), "test": source if out is None else None})
    elif out is None:
        sys.stdout.write(source)
    note(str(found.divergence.sentence))
    tried = f"{found.attempts} recordings were tried in {found.seconds:.1f} s"
    note(f"{before:,} bytes became {after:,}, {tried}; read what is left before you commit it")
    if found.divergence.verdict is Verdict.ACCEPTED:
        note(f"the ledger accepts it ({found.divergence.accepted_by}); the test nevertheless fails until the divergence is fixed")
    if not found.complete:
        note("--max-attempts or --max-seconds ended the search; with a larger limit the test may become smaller")


def _kept(settings: MigrationSettings, fingerprint: str, surface: str | None) -> Iterable[RecordedRun]:
    return [read_line(one.line, settings.project) for one in sorted(kept(settings, fingerprint, surface), key=lambda one: len(one.line))]


def _of_file(settings: MigrationSettings, path: Path, surface: str) -> Iterator[RecordedRun]:
    runs, why = 0, "it is empty"
    for item in read(path, surface=surface, project=settings.project):
        if isinstance(item, RecordedRun):
            runs += 1
            yield item
            continue
        why = item.reason
        if isinstance(item, BadLine):
            note(f"{path}:{item.line}: {item.reason}")
    if not runs:
        note(f"no run in {named(path)}: {why}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the engines' log lines on the terminal: thousands of attempts are expected to fail."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _progress(budget: Budget) -> Iterator[Callable[[ShrinkProgress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("minimising"), BarColumn(), MofNCompleteColumn(), TextColumn("attempts at most, {task.fields[size]}"))
    with Bar(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("minimising", total=budget.attempts, size="looking for a recording")

        def show(progress: ShrinkProgress) -> None:
            bar.update(task, completed=progress.attempts, size=f"{progress.size_bytes:,} bytes left")

        yield show
