"""Shows divergences on a terminal: a list of kinds, or one kind with its values and both streams side by side."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from migration.cli.json_patch import json_patch
from migration.comparison import Rule, both_values, default_policy, matches, split
from migration.errors import UnknownSurfaceError
from migration.evidence import DivergenceDetail, DivergenceView, Example, ExcerptEvent, ExcerptRow
from migration.model import Verdict

_STYLES = {"equal": "dim", "gap": "dim", "changed": "yellow", "moved": "yellow", "missing": "red", "extra": "red"}


class _Envelope(msgspec.Struct):
    payload: msgspec.Raw = msgspec.Raw(b"")


def print_list(found: list[DivergenceView]) -> None:
    """Print kinds of divergences on stdout; on a terminal with 80 columns the table fits."""
    table = Table(title="Divergences", title_justify="left", show_lines=True)
    table.add_column("fingerprint", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("what differs")
    for one in found:
        judged = one.verdict.value + (f": {one.accepted_by}" if one.accepted_by else "")
        kind = f"{one.kind}\n{one.severity}"
        differs = "\n".join(filter(None, (one.sentence, _latest(one), judged)))
        table.add_row(*(Text(cell) for cell in (f"{one.fingerprint}\n{one.surface}", kind, str(one.count), differs)))
    Console().print(table)


def print_detail(detail: DivergenceDetail, examples: int, reasons: Sequence[str] = (), project: Path | None = None) -> None:
    """Print the divergence, the reason of its verdict, and the first examples on stdout.

    Args:
        detail: the divergence.
        examples: print at most this many.
        reasons: why the divergence has its verdict.
        project: the file of the project whose policy applies to the field; None: the file that `find_project` finds.
    """
    console = Console()
    console.print(_facts(detail, reasons, project))
    for number, example in enumerate(detail.examples[:examples], 1):
        console.print(_example(example, number, len(detail.examples)))
        if clause := example_values(detail.divergence, example):
            console.print(Text(f"values: {clause}"))
        for clause in example.follows:
            console.print(Text(f"consequence: {clause}"))
        if example.excerpt:
            console.print(_streams(example.excerpt))


def view_with_values(kind: DivergenceView) -> dict[str, Any]:
    """Return the kind as JSON, with `example` as a clause; `example` is None if no example is stored."""
    document: dict[str, Any] = msgspec.to_builtins(kind)
    return document | {"example": _latest(kind) or None}


def detail_with_values(detail: DivergenceDetail) -> dict[str, Any]:
    """Return the detail as JSON; each example has the field `values`, a clause."""
    examples = [msgspec.to_builtins(one) | {"values": example_values(detail.divergence, one)} for one in detail.examples]
    document: dict[str, Any] = msgspec.to_builtins(detail)
    return document | {"divergence": view_with_values(detail.divergence), "examples": examples}


def _latest(kind: DivergenceView) -> str:
    return "" if kind.example is None else both_values(kind.kind, kind.path, kind.example.control, kind.example.candidate)


def example_values(kind: DivergenceView, example: Example) -> str:
    """Return a clause with the values on both sides. If the tenant does not allow its texts, the clause contains their lengths instead."""
    return both_values(kind.kind, kind.path, example.control, example.candidate)


def patches(detail: DivergenceDetail) -> list[dict[str, Any]]:
    """Return a JSON Patch for each pair of different events in the examples that store the events' values.

    Raises:
        MissingExtraError: DeepDiff is not installed.
    """
    return [
        {
            "run_id": example.run_id,
            "lane": row.lane,
            "kind": row.control.kind,
            "patch": json_patch(msgspec.json.decode(row.control.payload), msgspec.json.decode(row.candidate.payload)),
        }
        for example in detail.examples
        for row in example.excerpt
        if row.mark == "changed" and row.control is not None and row.candidate is not None
    ]


def _facts(detail: DivergenceDetail, reasons: Sequence[str], project: Path | None) -> Table:
    kind = detail.divergence
    table = Table(title=f"Divergence {kind.fingerprint}", title_justify="left", show_header=False, box=box.SIMPLE)
    judged = ", ".join(_judged(runs, verdict, detail.most.get(verdict, 1)) for verdict, runs in detail.verdicts.items()) or "none is stored"
    for name, value in (
        ("what differs", kind.sentence),
        ("surface", kind.surface),
        ("kind", f"{kind.kind}, {kind.severity}"),
        ("lane", kind.lane or "the run itself"),
        ("path", kind.path),
        ("count", str(kind.count)),
        ("comparisons", judged),
        ("last verdict", kind.verdict.value + (f", accepted by {kind.accepted_by!r}" if kind.accepted_by else "")),
        *(("why", reason) for reason in reasons),
        *(("rule", f"{rule.id} ({rule.action}): {rule.reason}") for rule in _touching(kind, project)),
        (
            "recordings",
            str(kind.recordings) if kind.recordings else "none is stored: only runs of tenants that allow free text are recorded",
        ),
        ("seen", f"{_time(kind.first_seen_at)} to {_time(kind.last_seen_at)}"),
    ):
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def _touching(kind: DivergenceView, project: Path | None) -> list[Rule]:
    """Return the rules of the surface's policy that apply to the field: they decide how it is compared."""
    try:
        policy = default_policy(kind.surface, project)
    except UnknownSurfaceError:
        return []
    first, *path = split(kind.path)
    if kind.kind.startswith("effect_"):
        first, path = f"effect:{first}", path[first in {"tool", "id"} :]
    return [
        rule
        for rule in policy.rules
        if (first in rule.kinds or (not rule.kinds and not first.startswith("effect:")))
        and any(matches(one, tuple(path)) for one in rule.paths)
    ]


def _judged(runs: int, verdict: Verdict, most: int) -> str:
    return f"{runs} {verdict.value}" + (f" (up to {most} times in one run)" if most > 1 else "")


def _example(example: Example, number: int, of: int) -> Table:
    title = (
        f"Example {number} of {of}: run {example.run_id}, tenant {example.tenant_id}, {example.stage.value}, {example.serving.value} served"
    )
    traces = {"served run": example.trace_id, "shadow": example.shadow_trace_id}
    trace = ", ".join(f"trace of the {whose}: {one or 'none'}" for whose, one in traces.items())
    table = Table("control", "candidate", title=title, caption=trace, title_justify="left", caption_justify="left", expand=True)
    table.add_row(*(Text("nothing", style="dim") if value is None else Text(value) for value in (example.control, example.candidate)))
    return table


def _streams(rows: list[ExcerptRow]) -> Table:
    table = Table("", "lane", "control", "candidate", title="Both streams", title_justify="left", box=box.SIMPLE_HEAD, expand=True)
    for row in rows:
        style = _STYLES.get(row.mark, "")
        cells = (Text("" if row.mark in {"equal", "gap"} else row.mark), Text(row.lane), _event(row.control), _event(row.candidate))
        table.add_row(*cells, style=style)
    return table


def _event(event: ExcerptEvent | None) -> Text:
    return Text("") if event is None else Text(f"{event.at_s:.3f} s {event.kind}\n{_content(event.payload)}")


def _content(payload: str) -> str:
    """Return the content of the event without its envelope: ids are the same in every row and would only use up space."""
    try:
        return bytes(msgspec.json.decode(payload, type=_Envelope).payload).decode() or payload
    except msgspec.DecodeError:
        return payload


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
