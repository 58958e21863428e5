"""The demo's final report: tables for people, one JSON document for machines."""

import statistics
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from migration.cli import print_detail
from migration.evidence import DivergenceDetail, DivergenceView, EvidenceReader
from migration.model import Origin, Verdict
from migration.stages import PLANS, STAGE_ORDER
from netra_backend.app.execution.demo.backend import Metrics
from netra_backend.app.execution.demo.progress import Progress
from netra_backend.app.execution.demo.ramping import because, decided
from netra_backend.app.execution.demo.regression import RAMPED
from netra_backend.app.execution.demo.scenario import OTHERS, SURFACE

_SHOWN: Final = 8
_STYLES: Final = {"rolled back": "bold red", "promoted": "green", "holds": "yellow"}
_ROWS: Final = 12


class Report:
    """The facts of one demo.

    Args:
        progress: the clients' results and the checks.
        metrics: the server's last metrics.
        evidence: the evidence that the worker stored.
        seconds: duration of the demo.
    """

    def __init__(self, progress: Progress, metrics: Metrics, evidence: EvidenceReader, seconds: float) -> None:
        self._progress, self._metrics = progress, metrics
        self.seconds = seconds
        self.summaries = {surface: evidence.summary(surface) for surface in (SURFACE, RAMPED, *OTHERS)}
        found = evidence.divergences(surface=SURFACE, limit=1000)
        order = {verdict: rank for rank, verdict in enumerate((Verdict.DIVERGENT, Verdict.NOISE, Verdict.ACCEPTED))}
        self.divergences: list[DivergenceView] = sorted(
            found, key=lambda one: (order.get(one.verdict, 9), one.severity != "security", -one.count)
        )
        self.shown: DivergenceDetail | None = None
        if self.divergences:
            self.shown = _first_rows(evidence.divergence(self.divergences[0].fingerprint, SURFACE))

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(passed for passed, _ in self._progress.checks)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        effects = self._metrics.by("migration_effects_total", "mode", surface=SURFACE)
        return {
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "runs": [{"stage": stage, "engine": engine, "runs": runs} for (stage, engine), runs in self._runs().items()],
            "ramp": [{"what": one.what, "why": one.why, "evidence": one.seen} for one in self._progress.decisions],
            "verdicts": self.summaries[SURFACE].verdicts,
            "surfaces": {surface: summary.verdicts for surface, summary in self.summaries.items()},
            "divergences": [
                {"fingerprint": one.fingerprint, "kind": one.kind, "severity": one.severity, "count": one.count, "verdict": one.verdict}
                for one in self.divergences
            ],
            "latency": self._latency(),
            "effects": {mode: int(effects.get(mode, 0)) for mode in ("recorded", "replayed", "missing", "performed_by_shadow")},
            "shadows": self._shadows(),
            "checks": [{"passed": passed, "what": what} for passed, what in self._progress.checks],
        }

    def print(self, console: Console) -> None:
        """Print the report for people."""
        document = self.document()
        runs = Table("stage", "serves", "shadows", "runs", title="Runs by stage and engine", title_justify="left")
        for row in document["runs"]:
            shadows = next(PLANS[stage].shadows for stage in STAGE_ORDER if stage.value == row["stage"])
            runs.add_row(row["stage"], row["engine"], shadows.value if shadows else "-", str(row["runs"]))
        latency = Table("engine", "chats", "first frame p50", "p50", "p95", title="Latency, as users saw it", title_justify="left")
        for row in document["latency"]:
            latency.add_row(
                row["engine"], str(row["chats"]), *(f"{row[key] * 1000:.0f} ms" for key in ("first_frame_p50_s", "p50_s", "p95_s"))
            )
        verdicts = Table("surface", *(verdict.value for verdict in Verdict), title="Verdicts of the shadowed runs", title_justify="left")
        for surface, summary in self.summaries.items():
            verdicts.add_row(surface, *(str(summary.verdicts[verdict]) for verdict in Verdict))
        for table in (decisions(self._progress), runs, latency, verdicts, self._divergence_table()):
            console.print(table)
        if self.shown is not None:
            print_detail(self.shown, 1)
        effects = ", ".join(f"{count} {mode.replace('_', ' ')}" for mode, count in document["effects"].items())
        console.print(f"Effects: {effects}", highlight=False)
        for passed, what in self._progress.checks:
            console.print(Text("yes  " if passed else "NO   ", style="green" if passed else "bold red") + Text(what), soft_wrap=True)
        console.print(f"{'All checks passed' if self.passed else 'Some checks failed'}, in {self.seconds:.0f} s.", highlight=False)

    def _divergence_table(self) -> Table:
        title = f"Top divergences (of {len(self.divergences)} kinds)"
        table = Table("fingerprint", "kind", "severity", "verdict", "count", "what differs", title=title, title_justify="left")
        for one in self.divergences[:_SHOWN]:
            table.add_row(one.fingerprint, one.kind, one.severity, one.verdict.value, str(one.count), Text(one.sentence))
        return table

    def _runs(self) -> dict[tuple[str, str], int]:
        counted = Counter((stage.value, chat.engine) for stage, chat in self._progress.chats)
        return {key: counted[key] for stage in STAGE_ORDER for key in sorted(counted) if key[0] == stage.value}

    def _latency(self) -> list[dict[str, Any]]:
        rows = []
        for origin in Origin:
            chats = [chat for _, chat in self._progress.chats if chat.engine == origin.value]
            if len(chats) > 1:
                durations = statistics.quantiles((chat.duration_s for chat in chats), n=20)
                rows.append(
                    {
                        "engine": origin.value,
                        "chats": len(chats),
                        "first_frame_p50_s": statistics.median(chat.first_frame_s for chat in chats),
                        "p50_s": durations[9],
                        "p95_s": durations[18],
                    }
                )
        return rows

    def _shadows(self) -> dict[str, Any]:
        fates = ("expected", "compared", "shed", "failed")
        total = {fate: int(self._metrics.sum(f"migration_shadow_{fate}_total", surface=SURFACE)) for fate in fates}
        return total | {
            "shed_by_reason": self._metrics.by("migration_shadow_shed_total", "reason", surface=SURFACE),
            "failed_by_reason": self._metrics.by("migration_shadow_failed_total", "reason", surface=SURFACE),
            "worker_restarts": int(self._metrics.sum("migration_shadow_worker_restarts_total")),
        }


def decisions(progress: Progress) -> Table:
    """Return what the controller decided about the surface that moved along a ramp, each with its first reason."""
    table = Table("when (UTC)", "decision", "because", title=f"The ramp of {RAMPED}, by itself", title_justify="left")
    for one in progress.decisions:
        style = next((style for word, style in _STYLES.items() if word in one.what), "")
        what = decided(one).removeprefix(f"{RAMPED}: ")
        table.add_row(datetime.fromtimestamp(one.at, UTC).strftime("%H:%M:%S"), Text(what, style), Text(because(one)))
    return table


def _first_rows(detail: DivergenceDetail | None) -> DivergenceDetail | None:
    """Return the divergence with its first example only, and with both streams shortened to one screen."""
    if detail is None or not detail.examples:
        return detail
    example = msgspec.structs.replace(detail.examples[0], excerpt=detail.examples[0].excerpt[:_ROWS])
    return msgspec.structs.replace(detail, examples=[example])
