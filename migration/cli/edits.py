"""Shared by `stage`, `ramp` and `shadow`: show an edit before it is written, ask, write it, and report the result."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import typer

from migration.cli.output import note, print_json
from migration.errors import ConfigurationError, UnprovenEditError
from migration.flags.editors import FlagRead
from migration.processes import LOOKED_AT
from migration.rollout import Edits, Preview, Written, moves_as_json, repeated, sentence
from migration.stages import STAGE_ORDER

_FINDING = 1

Make = Callable[[Callable[[int], None]], Preview]
AskGate = Callable[[Preview], tuple[str, ...]]


def carry_out(
    edits: Edits,
    make: Make,
    *,
    yes: bool = False,
    force: bool = False,
    reason: str = "",
    may_lower: bool = True,
    gate: AskGate | None = None,
    after: Callable[[FlagRead], None] = lambda _read: None,
    as_json: bool = False,
) -> None:
    """Preview an edit, ask if there is a terminal, write it, and report what the processes do.

    Args:
        edits: the object that writes the edit.
        make: makes the preview; it gets a function, and reports its progress by calling that.
        yes: whether to skip the question.
        force: whether to override the objections; needs a reason.
        reason: the reason that is stored in the history.
        may_lower: whether tenants may move back without confirmation.
        after: called with the flags after the edit.
        gate: returns why the gate of the ramp does not allow the edit; None: there is no gate to ask.
        as_json: whether to print one JSON document on stdout.

    Raises:
        ConfigurationError: the edit is forced without a reason, or it moves tenants back although this is not allowed and nobody can be
            asked.
        UnprovenEditError: there is an objection.
        Exit: with code 1: the gate does not allow the edit, the operator declined, or the written state is not in effect.
    """
    if force and not reason.strip():
        raise ConfigurationError("--force needs --reason: write why the edit is right nevertheless")
    preview = previewed(make)
    say(preview)
    if preview.problems and not force:
        raise UnprovenEditError(preview.surface or preview.key, preview.problems)
    if not preview.changes:
        note(f"{preview.key} already has this value; nothing was written")
        if as_json:
            print_json(as_document(preview) | {"written": False, "processes": None})
        return
    held = () if gate is None else _passed(gate, preview, force=force, as_json=as_json)
    preview = replace(preview, overridden=held)
    asked = not yes and sys.stdin.isatty()
    if asked and not typer.confirm("Write it?", err=True):
        note("nothing was written")
        raise typer.Exit(_FINDING)
    if preview.lowering and not (may_lower or yes or asked or force):
        raise ConfigurationError(f"{preview.surface}: that is backwards; pass --yes to confirm; nothing was changed")
    if asked:
        written = edits.write(preview, forced=force, reason=reason)
    else:
        again = iter([preview])
        preview, written = repeated(
            lambda: next(again, None) or replace(_unasked(make, may_lower=may_lower or yes or force), overridden=held),
            lambda found: edits.write(found, forced=force, reason=reason),
        )
    after(written.read)
    _report(preview, written, as_json=as_json)


def _passed(gate: AskGate, preview: Preview, *, force: bool, as_json: bool) -> tuple[str, ...]:
    """Ask the gate, and return its objections if they are overridden. Raises Exit if there are objections that are not overridden."""
    held = gate(preview)
    for why in held:
        note(f"{'overridden' if force else 'held'}: {why}")
    if held and not force:
        note("nothing was written; `--force --reason TEXT` overrides the gate")
        if as_json:
            print_json(as_document(preview) | {"written": False, "held": list(held), "processes": None})
        raise typer.Exit(_FINDING)
    return held


def previewed(make: Make) -> Preview:
    """Make the preview, and show on a terminal how many tenants were evaluated so far."""
    if not sys.stderr.isatty():
        return make(lambda _tenants: None)
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} tenants evaluated"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        return make(lambda tenants: bar.advance(task, tenants))


def say(preview: Preview) -> None:
    """Show people what an edit would do."""
    for move in preview.moves:
        note(sentence(move, preview.surface))
    for shift in preview.shifts:
        note(shift)
    if not preview.moves and not preview.shifts:
        note("no tenant moves")
    if preview.surface is not None:
        counts = ", ".join(f"{preview.after[stage]:,} {stage.value}" for stage in STAGE_ORDER if preview.after.get(stage))
        after = f"; afterwards: {counts}" if counts else ""
        note(f"evaluated: {preview.known:,} known tenants{after} (known: {LOOKED_AT})")
    if preview.runs is not None:
        note(f"{preview.runs} current runs on {preview.surface} keep their plan")
    if preview.load is not None and (preview.load.before or preview.load.after):
        note(preview.load.sentence())
    for remark in preview.notes:
        note(f"note: {remark}")


def as_document(preview: Preview) -> dict[str, Any]:
    """Return the preview for machines."""
    load = preview.load
    return {
        "surface": preview.surface,
        "flag": preview.key,
        "version": {"before": (preview.read.data.flags.get(preview.key) or {}).get("version"), "after": preview.flag.get("version")},
        "moves": moves_as_json(preview.moves),
        "sampling": list(preview.shifts),
        "problems": list(preview.problems),
        "proved": not preview.problems,
        "known_tenants": preview.known,
        "known_from": LOOKED_AT,
        "before": {stage.value: number for stage, number in preview.before.items()},
        "after": {stage.value: number for stage, number in preview.after.items()},
        "runs_under_way": preview.runs,
        "shadow_load": None if load is None else {"before": load.before, "after": load.after, "sampling": load.sampling, "of": load.of},
        "held": list(preview.overridden),
        "notes": list(preview.notes),
    }


def _unasked(make: Make, *, may_lower: bool) -> Preview:
    """Make the preview again after another edit; refuse it if it now moves tenants back and `may_lower` does not allow that."""
    preview = make(lambda _tenants: None)
    if preview.lowering and not may_lower:
        raise ConfigurationError(f"{preview.surface}: somebody else edited in between, and now the edit is backwards; nothing was changed")
    return preview


def _report(preview: Preview, written: Written, *, as_json: bool) -> None:
    """Report what is in effect, and exit with an error if that is not what was written."""
    confirmation = written.confirmation
    note(f"{preview.key} version {written.read.data.flags[preview.key]['version']}: {confirmation.sentence()}")
    if written.unkept is not None:
        note(f"the history lacks this edit: {written.unkept}")
    if as_json:
        print_json(
            as_document(preview)
            | {
                "written": True,
                "flags_version": written.read.data.version,
                "processes": {
                    "confirmed": confirmation.holds,
                    "seen": confirmation.seen,
                    "following": len(confirmation.following) + len(confirmation.asked),
                    "sentence": confirmation.sentence(),
                },
                "history": written.unkept or "kept",
            }
        )
    if not confirmation.holds or written.unkept is not None:
        raise typer.Exit(_FINDING)
