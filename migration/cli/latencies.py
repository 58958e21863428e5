"""Finds out from all stored comparisons whether a surface's candidate is slower than its control, for the list of `divergences`."""

from datetime import UTC, datetime
from pathlib import Path

from migration.comparison import LatencyRule, Ledger, Pairs, default_policy, findings
from migration.errors import UnknownSurfaceError
from migration.evidence import DivergenceView, EvidenceReader


def latencies(evidence: EvidenceReader, surface: str, ledger: Ledger, project: Path | None) -> list[DivergenceView]:
    """Return a finding for each latency rule of the surface's policy that is broken; [] for a surface without a policy.

    Args:
        evidence: contains the durations.
        surface: the surface's name.
        ledger: accepted divergences.
        project: the file of the project that has the policy; None: the file that `find_project` finds.

    Raises:
        EvidenceError: the evidence cannot be read.
    """
    try:
        policy = default_policy(surface, project)
    except UnknownSurfaceError:
        return []
    seen = evidence.summary(surface)
    if seen.first_at is None or seen.last_at is None:
        return []

    def counted(rule: LatencyRule) -> Pairs:
        slower, faster, runs = evidence.slower_pairs(surface, rule.metric, excess_s=rule.excess_s, ratio=rule.ratio)
        return Pairs(slower=slower, faster=faster, runs=runs)

    today = datetime.now(UTC).date()
    judged = [ledger.judge(found, today) for found in findings(policy, counted)]
    return [
        DivergenceView(
            fingerprint=one.fingerprint,
            surface=surface,
            kind=one.kind,
            severity=one.severity,
            lane=one.lane,
            path=one.path,
            sentence=str(one.sentence),
            first_seen_at=seen.first_at,
            last_seen_at=seen.last_at,
            count=one.occurrences,
            verdict=one.verdict,
            accepted_by=one.accepted_by,
        )
        for one in judged
    ]
