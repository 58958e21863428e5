"""Makes divergences from findings: severity, fingerprint and sentence."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from migration.comparison.describe.findings import Finding
from migration.comparison.describe.fingerprint import Shapes, fingerprint_of, value_shapes
from migration.comparison.describe.sentences import sentence
from migration.comparison.limits import Limits
from migration.comparison.paths import Value, glob, matches, segments, text
from migration.comparison.policy import Change, Policy
from migration.comparison.read.canonical import encode
from migration.model import Divergence, DivergenceKind, Severity, Verdict

SEVERITY: dict[DivergenceKind, Severity] = {
    "missing_event": "contract",
    "extra_event": "contract",
    "duplicate_event": "contract",
    "causal_reorder": "contract",
    "payload": "contract",
    "terminal_state": "contract",
    "error": "contract",
    "effect_changed": "contract",
    "effect_missing": "contract",
    "effect_extra": "contract",
    "isolation_breach": "security",
    "control_cross_talk": "security",
    "contract_violation": "contract",
    "latency": "reliability",
}
"""The severity of a kind of divergence if the policy declares none."""

_CONTROLS_OWN: Final = "Control sent the event to another user: this is a finding about control, and the candidate is not its cause."


def severity(finding: Finding, policy: Policy) -> Severity:
    """Return the severity of a finding.

    Another tenant's or user's data is always `security`, whatever the policy says. An effect without an answer, or a call of an
    irreversible tool, has at least the severity of its kind, whatever the policy says: it is not known how the agent would have continued.
    """
    if finding.kind in {"isolation_breach", "control_cross_talk"}:
        return "security"
    if finding.stops:
        return SEVERITY[finding.kind]
    declared = _declared(policy, finding.kind, finding.change, segments(finding.path))
    if declared is not None:
        return declared
    if finding.detail == "repeated" or (finding.kind == "terminal_state" and "timed_out" in [finding.control, finding.candidate]):
        return "reliability"
    return SEVERITY[finding.kind]


@lru_cache(maxsize=4096)
def _declared(policy: Policy, kind: DivergenceKind, change: Change, path: tuple[str, ...]) -> Severity | None:
    """Return the severity that the policy declares; None: it declares none."""
    if kind.startswith("effect_") and path[:1] == ("tool",) and path[1:2] and path[1] in policy.tools.irreversible:
        return "contract"
    for rule in policy.severities:
        if change not in rule.changes and kind in {"payload", "effect_changed"}:
            continue
        if any(glob(one)(kind) for one in rule.kinds) and any(matches(pattern, path) for pattern in rule.paths):
            return rule.severity
    return None


def divergences(found: Iterable[Finding], policy: Policy, limits: Limits) -> list[tuple[Divergence, str]]:
    """Return one divergence for each fingerprint, in order of first appearance, with the number of its occurrences in this run.

    Each comes with the fingerprint of its cause; empty: some of its occurrences have none.
    """
    same: dict[str, list[tuple[Finding, Shapes]]] = {}
    for finding in found:
        shapes = value_shapes(finding, policy)
        same.setdefault(fingerprint_of(finding, shapes), []).append((finding, shapes))
    return [
        (
            _divergence(key, alike, severity(alike[0][0], policy), limits),
            alike[0][0].because if all(one.because for one, _ in alike) else "",
        )
        for key, alike in same.items()
    ]


def _divergence(key: str, alike: Sequence[tuple[Finding, Shapes]], severity: Severity, limits: Limits) -> Divergence:
    finding, shapes = alike[0]
    return Divergence(
        kind=finding.kind,
        severity=severity,
        fingerprint=key,
        lane=finding.lane,
        path=text(finding.path),
        control=_json(finding.control, limits.value_bytes),
        candidate=_json(finding.candidate, limits.value_bytes),
        sentence=sentence(finding, shapes),
        occurrences=len(alike),
        verdict=Verdict.NOISE if finding.kind == "control_cross_talk" else Verdict.DIVERGENT,
        note=_CONTROLS_OWN if finding.kind == "control_cross_talk" else "",
    )


def _json(value: Value, limit: int) -> str | None:
    if value is msgspec.UNSET:
        return None
    encoded = encode(value)
    if len(encoded) <= limit:
        return encoded.decode()
    return encode(f"{encoded[: limit // 2].decode(errors='ignore')} ... cut, {len(encoded)} bytes in all").decode()
