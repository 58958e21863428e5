"""The checks of `doctor`: each reports a fact and, if something is wrong, what to do. None of them changes anything."""

import importlib.metadata
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

import migration
from migration.cli.names import configured_surface
from migration.errors import ConfigurationError, MigrationError
from migration.model import Origin
from migration.processes import ProcessTable, Told
from migration.project import read_project
from migration.settings import MigrationSettings
from migration.variables import misspelt

#: Seconds by which two clocks may differ: times in the table of processes are whole seconds, and a process counts as silent after a few
#: seconds.
SKEW_S: Final = 2.0
_NAME: Final = "migration"
_OURS: Final = "netra-strangler"


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check."""

    check: str
    state: Literal["ok", "remark", "wrong"]
    found: str  #: what was seen: a sentence without a full stop
    advice: str = ""  #: what to do; empty: nothing


def package(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Look for a second package with the same import name as ours or as one that we need: pip silently installs one over the other."""
    here = Path(migration.__file__).parent
    for name, owners in _clashes().items():
        others = sorted(owners)
        yield CheckResult(
            check="package",
            state="wrong",
            found=f"the import package `{name}` belongs to {' and '.join(others)}: files of one overwrite those of the other",
            advice=f"use an environment with only one of them, and install {_OURS} again",
        )
    for folder in dict.fromkeys((*(one or str(Path.cwd()) for one in sys.path), str(Path.cwd()), *settings.import_path)):
        other = next((one for one in (Path(folder, _NAME, "__init__.py"), Path(folder, f"{_NAME}.py")) if one.is_file()), None)
        if other is not None and other.resolve().parent != here.resolve():
            yield CheckResult(
                check="package",
                state="wrong",
                found=f"{other} has the same name as the import package of {_OURS}: the import path decides which of them is imported",
                advice="rename it",
            )
    yield CheckResult(check="package", state="ok", found=f"{_OURS} {_version()} in {here}")


def _clashes() -> dict[str, set[str]]:
    """Return the import packages (ours and those that we need) that are installed by several distributions, with the names of these."""
    needed = {re.split(r"[^\w.-]", text, maxsplit=1)[0].lower() for text in _required()} | {_OURS}
    found: dict[str, set[str]] = {}
    for name, distributions in importlib.metadata.packages_distributions().items():
        owners = {one.lower() for one in distributions} | ({_OURS} if name == _NAME else set())
        # Namespace packages have no `__init__.py`, and several owners by design. An editable installation lists no files.
        whole = {one for one in owners if one == _OURS or _has(one, f"{name}/__init__.py")}
        if len(whole) > 1 and whole & needed:
            found[name] = whole
    return found


def _required() -> list[str]:
    try:
        return importlib.metadata.requires(_OURS) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _has(distribution: str, path: str) -> bool:
    return any(str(file) == path for file in importlib.metadata.files(distribution) or ())


def _version() -> str:
    try:
        return importlib.metadata.version(_OURS)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def configuration(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Read the project, each surface's file and its ledger."""
    for sentence in misspelt(MigrationSettings, os.environ):
        yield CheckResult(check="configuration", state="remark", found=sentence, advice="correct or remove it")
    if settings.project is None or not read_project(settings.project).surfaces:
        where = settings.project or "no pyproject.toml in the working directory or above it has [tool.netra-migration], or it"
        advice = "`netra-migration init SURFACE` writes what a project needs; or set NETRA_MIGRATION_PROJECT"
        yield CheckResult(check="configuration", state="wrong", found=f"{where} names no surface", advice=advice)
        return
    from migration.comparison import load_ledger

    for surface in settings.surfaces:
        configured_surface(settings, surface)
        load_ledger(settings.path(settings.ledger_dir) / f"{surface}.toml")
    yield CheckResult(check="configuration", state="ok", found=f"{settings.project}: {', '.join(settings.surfaces)}")


def engines(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Make each engine once, and report those that cannot be made."""
    from migration.shadow import builder

    build = builder(settings)
    advice = "a new engine is made for each shadow: it must not need anything that only a serving process has"
    for surface in settings.surfaces:
        for origin in Origin:
            try:
                made = build(surface, origin)
            except Exception as error:  # noqa: BLE001 - whatever a builder of the project raises is the finding
                said = f"{settings.engines} cannot make {origin.value} of {surface}: {type(error).__name__}: {error}"
                yield CheckResult(check="engines", state="wrong", found=said, advice=advice)
            else:
                if not hasattr(made, "run"):
                    said = f"{settings.engines} returns something without `run` for {origin.value} of {surface}"
                    yield CheckResult(check="engines", state="wrong", found=said, advice="return an `Engine`; `stream_engine` makes one")
    yield CheckResult(check="engines", state="ok", found=f"{settings.engines} made both engines of each surface")


def flags(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Read the flags at their source, and ask the processes which flags they follow."""
    from migration.flags.editors import open_editor

    editor = open_editor(settings)
    read = editor.read()
    for problem in read.problems:
        yield CheckResult(
            check="flags",
            state="wrong",
            found=str(problem),
            advice="docs/migration/launchdarkly.md shows the form; correct the flag at the source",
        )
    if read.raw is None and not read.data.flags:
        advice = "every surface is at `off`; begin with `netra-migration stage set SURFACE dualwrite --all`"
        yield CheckResult(check="flags", state="remark", found=f"{editor.name} has no flags yet", advice=advice)
    else:
        yield CheckResult(check="flags", state="ok", found=f"{editor.name}, version {read.data.version}")
    for told in serving(settings):
        if told.row.flags_up is False:
            said = f"{told.row.name} cannot read them, and follows the last known ones: {told.row.flags_error or 'it gives no reason'}"
            yield CheckResult(
                check="flags", state="wrong", found=said, advice="make sure that it can reach the source as this command does"
            )
    yield from _failover(settings)


def _failover(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Report the surfaces on which failover is on, and which of their files declare nothing for failover."""
    from migration.comparison import default_policy

    on = sorted({surface for told in serving(settings) for surface, is_on in told.row.failover.items() if is_on})
    if on:
        yield CheckResult(check="flags", state="ok", found=f"failover is on: control resumes runs that candidate fails on {', '.join(on)}")
    for surface in on:
        if default_policy(surface, settings.project).failover.answers is None:
            found = f"{surface}: its file has no table [failover], so control resumes a run only if no event was delivered"
            advice = "declare the events that answer; docs/migration/failover.md describes the table"
            yield CheckResult(check="flags", state="remark", found=found, advice=advice)


def stores(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Open the evidence and the outbox for reading."""
    from migration.cli.store_lag import stores_status
    from migration.evidence import EvidenceReader

    if not _writable(settings.home):
        advice = "give the user of the serving processes and the worker the right to write there, or set NETRA_MIGRATION_HOME"
        yield CheckResult(check="stores", state="wrong", found=f"{settings.home.absolute()} cannot be written", advice=advice)
    reader = EvidenceReader.of_settings(settings)
    try:
        runs = {surface: reader.summary(surface).runs for surface in settings.surfaces}
    finally:
        reader.close()
    told = ", ".join(f"{count:,} of {surface}" for surface, count in runs.items() if count) or "none"
    yield CheckResult(check="stores", state="ok", found=f"evidence can be read; comparisons: {told}")
    lag = stores_status(settings, settings.surfaces)
    if lag.error is not None:
        yield CheckResult(check="stores", state="wrong", found=lag.error, advice="check NETRA_MIGRATION_STORES_URL")
    for one in lag.waiting:
        if one.parked:
            said = f"the {one.store} store refused {one.parked} runs of {one.surface}: {one.error}"
            advice = f"fix this, then run `netra-migration backfill {one.surface} --to {one.store}`"
            yield CheckResult(check="stores", state="wrong", found=said, advice=advice)


def _writable(folder: Path) -> bool:
    """Return whether files can be made in the folder, or the folder itself if it does not exist yet."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def clock(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Compare this host's clock with that of the database and of each live process."""
    advice = "keep all hosts on network time (chrony, systemd-timesyncd)"
    table = ProcessTable.reading(settings)
    try:
        begun = time.time()
        theirs = table.now()
        ahead = theirs - (begun + time.time()) / 2
    finally:
        table.close()
    if abs(ahead) > SKEW_S:
        yield CheckResult(check="clock", state="wrong", found=f"the database's clock is {ahead:+.1f} s from this host's", advice=advice)
    for told in serving(settings):
        skew = told.row.said_at + told.age_s - theirs
        if told.state == "live" and abs(skew) > SKEW_S:
            said = f"the clock of {told.row.name} is {skew:+.1f} s from the database's"
            yield CheckResult(check="clock", state="wrong", found=said, advice=advice)
    yield CheckResult(check="clock", state="ok", found=f"this host and the database differ by {abs(ahead):.1f} s")


def metrics(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Check what Prometheus and the trace collector get, and show where dashboards and rules are."""
    from migration.telemetry import folder

    if (shared := folder()) is not None and not (shared.is_dir() and _writable(shared)):
        advice = "make an empty folder there before the server starts, or unset PROMETHEUS_MULTIPROC_DIR for a single process"
        yield CheckResult(
            check="metrics", state="wrong", found=f"PROMETHEUS_MULTIPROC_DIR {shared} is not a writable folder", advice=advice
        )
    if settings.otlp_endpoint:
        yield CheckResult(check="metrics", state="ok", found=f"spans go to {settings.otlp_endpoint}")
    said = "serve the result of `Migration.metrics()` under /metrics"
    here = Path(migration.__file__).parent
    built = next((one for one in (here / "dashboards", here.parent / "dashboards") if (one / "grafana").is_dir()), None)
    said += f"; dashboards and alert rules are in {built}" if built else "; dashboards and alert rules are not installed"
    yield CheckResult(check="metrics", state="ok" if built else "remark", found=said)


def serving(settings: MigrationSettings) -> list[Told]:
    """Return the processes that may serve requests now. Raises ProcessesError."""
    table = ProcessTable.reading(settings)
    try:
        return [one for one in table.told() if one.serves]
    finally:
        table.close()


def guarded(check: Callable[[MigrationSettings], Iterator[CheckResult]], settings: MigrationSettings) -> list[CheckResult]:
    """Return the results of a check. If it cannot look at something, that is a finding too. If anything is wrong, results with "ok" are
    left out.
    """
    found: list[CheckResult] = []
    try:
        found.extend(check(settings))
    except MigrationError as error:
        advice = "" if isinstance(error, ConfigurationError) else "fix this first: nothing more can be checked"
        found.append(CheckResult(check=check.__name__, state="wrong", found=str(error), advice=advice))
    if any(one.state == "wrong" for one in found):
        return [one for one in found if one.state != "ok"]
    return found
