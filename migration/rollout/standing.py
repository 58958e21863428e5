"""The basis of a gate's decision: the counted evidence of one step. Each comparison adds to it; a gate only reads it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from migration.model import Severity
from migration.statistics import LatencyPairs, Mean, Outcomes


@dataclass(kw_only=True)
class Standing:
    """Evidence of the runs of one step with one basis."""

    since: float  #: when the step was taken, Unix seconds
    outcomes: Outcomes = field(default_factory=Outcomes)
    by_severity: Mapping[Severity, Outcomes] = field(default_factory=dict)
    by_stratum: dict[str, Outcomes] = field(default_factory=dict)  #: under a readable name, e.g. "tool_completed of search, completed"
    breaches: int = 0  #: comparisons in which another tenant's or user's data was found
    failed_more: Mean = field(
        default_factory=lambda: Mean(-1.0, 1.0)
    )  #: 1: candidate alone failed; -1: control alone did; 0: neither or both
    latency: LatencyPairs = field(default_factory=LatencyPairs)
    noise_rounds: int = 0
    injected: int = 0  #: known differences that were injected into replays of the same basis
    seen: int = 0  #: injected differences that the comparison saw
    expired: tuple[str, ...] = ()  #: ids of ledger entries past their last day
    approved_by: Collection[str] = ()  #: people who approved leaving the step
    runs_a_day: float = 0.0  #: runs drawn for shadowing in a day, at the present rate
    unreadable: str | None = None  #: why the evidence cannot be read now; None: it can be read
    basis: str | None = None  #: digest of these comparisons' basis; None: not known
    other_basis: int = 0  #: comparisons that were left out, because they have another basis
    breached: set[str] = field(default_factory=set)  #: tenants whose runs contain a breach
    recent: str = ""  #: one character for each of the last runs: "." not divergent, "!" divergent, "?" not compared
