"""What `doctor` reports about shadow workers: the running ones, or one that is started for the check."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from migration.cli.checks import CheckResult
from migration.processes import ProcessTable
from migration.settings import MigrationSettings

_ADVICE: Final = "the worker's own message is above; fix its cause, then run this again"


def worker(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Report which workers run; if none does, start one in an empty folder and wait until it takes jobs."""
    from migration.shadow import try_worker

    table = ProcessTable.reading(settings)
    try:
        told = [one for one in table.told() if one.state in {"live", "silent"}]
    finally:
        table.close()
    workers = [one for one in told if one.row.role == "worker"]
    for one in told:
        if one.state == "silent":
            said = f"{one.row.name} is silent for {one.age_s:.0f} s"
            yield CheckResult(check="worker", state="wrong", found=said, advice="it is stopped, hangs, or cannot reach the database")
    if workers:
        held = ", ".join(f"{one.row.name}, engines confined by {one.row.held_by or 'nothing yet'}" for one in workers)
        yield CheckResult(check="worker", state="ok", found=held)
        return
    if any(one.row.role == "server" for one in told):
        said = "processes serve, and none of them has a shadow worker"
        yield CheckResult(check="worker", state="wrong", found=said, advice="their logs show why it does not start")
        return
    with tempfile.TemporaryDirectory(prefix="netra-migration-doctor-") as home:
        trouble = asyncio.run(try_worker(msgspec.structs.replace(settings, home=Path(home), evidence_url="")))
    if trouble is None:
        said = "no process serves; a worker that was started for this check took jobs"
        yield CheckResult(check="worker", state="ok", found=said)
    else:
        yield CheckResult(check="worker", state="wrong", found=trouble, advice=_ADVICE)


def boundary(settings: MigrationSettings) -> Iterator[CheckResult]:
    """Check whether the kernel can separate engines of shadows from the outside."""
    from migration.errors import BoundaryError
    from migration.shadow import boundary_gap

    lacking = boundary_gap()
    if lacking is not None and settings.shadow_boundary == "kernel":
        yield CheckResult(check="boundary", state="wrong", found=str(BoundaryError(lacking)))
    elif settings.shadow_boundary == "interpreter":
        said = "only Python's own audit hook separates engines of shadows from the outside; code in C bypasses it"
        advice = f"the kernel lacks {lacking}" if lacking else "this kernel can do it: unset NETRA_MIGRATION_SHADOW_BOUNDARY"
        yield CheckResult(check="boundary", state="remark", found=said, advice=advice)
    else:
        yield CheckResult(check="boundary", state="ok", found="the kernel separates engines of shadows from the outside")
