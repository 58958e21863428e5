"""The rules of a step's gate: how they are written in a ramp's file, and what they mean."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from migration.model import Severity
from migration.statistics import THESE, Claim
from migration.toml_text import TomlText

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
What = Literal["promote", "hold", "roll back"]
"""The decision of a gate."""
Reach = Literal["all", "cohort", "tenant"]
DAYS: Final[tuple[Day, ...]] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?) ?%")
_TIME: Final = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d)")
_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class GateRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The rules of a gate, as they are written in the file. Each default has its reason next to it.

    Some things cannot be set or switched off: a breach of isolation always rolls back. An expired ledger entry, or a step without any
    compared run, always holds.
    """

    alpha: str = "5 %"  #: chance of a wrong promotion over all checks of a step; the next step's gate would probably notice such an error
    #: the tenants that the bounds are about; bounds for unseen tenants need hundreds of compared tenants, see docs/migration/statistics.md
    claim: Claim = THESE
    least_comparisons: int = 300  #: number of compared runs; fewer runs probably do not use every path, and do not show slow runs
    least_tenants: int = 5  #: number of tenants with a comparison; the runs of one busy tenant do not represent the others
    most_divergent: str = "2 %"  #: upper bound of the share of drawn runs that diverge; a run that was not seen counts as divergent
    #: the same for each severity: 300 runs without a divergence prove 1.4 %, 420 prove 1 %
    most_divergent_of: dict[Severity, str] = msgspec.field(default_factory=lambda: {"security": "1 %"})
    most_divergent_stratum: str = "10 %"  #: the same for each event kind x tool x outcome; rare paths have few runs
    most_failed_more: str = "1 %"  #: upper bound of the share of runs by which candidate fails more often than control
    slow_quantile: str = "95 %"  #: a run is slow above this quantile of control's times; a higher quantile leaves few slow runs
    #: upper bound of the share of runs by which candidate has more slow runs than control; 3 % more are slow if all runs take about 10 %
    #: longer; 100 %: the rule is off
    most_slow_more: str = "2 %"
    least_coverage: str = "95 %"  #: share of the drawn runs that were compared; with fewer, shadows do not show enough
    #: lower bound of the share of injected differences that the comparison sees, to prove that it is not blind
    least_detected: str = "99 %"
    #: number of rounds that compared engines with themselves; with fewer, no difference is classified as noise
    least_noise_rounds: int = 20
    soak: str = "1 h"  #: time that the step must last; a leak or a growing queue needs time to show
    approvals: int = 0  #: number of different people who must approve; 2: the four-eyes principle
    not_on: tuple[Day, ...] = ("friday", "saturday", "sunday")  #: days on which nothing is promoted, because few people are there to watch
    between: str = "00:00-24:00"  #: hours in which promotions are allowed
    time_zone: str = "UTC"  #: time zone of these days and hours
    #: which tenants a breach moves back: all, those whose runs contain it, or these with their cohorts; other rollbacks move all tenants
    roll_back: Reach = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The conditions for leaving a step. Shares from 0 to 1, times in seconds."""

    alpha: float
    claim: Claim
    least_comparisons: int
    least_tenants: int
    most_divergent: float
    most_divergent_of: dict[Severity, float]
    most_divergent_stratum: float
    most_failed_more: float
    slow_quantile: float
    most_slow_more: float
    least_coverage: float
    least_detected: float
    least_noise_rounds: int
    soak_s: float
    approvals: int
    not_on: tuple[Day, ...]
    between: tuple[time, time] | None  #: hours in which promotions are allowed; None: at any hour
    time_zone: ZoneInfo
    roll_back: Reach

    def closed(self, now: datetime) -> str | None:
        """Return why nothing is promoted at this time, such as "not on a friday"; None: promotions are allowed."""
        here = now.astimezone(self.time_zone)
        if (day := DAYS[here.weekday()]) in self.not_on:
            return f"not on a {day}"
        if self.between and not self.between[0] <= here.time() < self.between[1]:
            return f"only between {self.between[0]:%H:%M} and {self.between[1]:%H:%M} {self.time_zone.key}"
        return None


def read_gate(text: TomlText, written: dict[str, Any], at: tuple[str | int, ...]) -> Gate:
    """Return the gate whose rules are written at this place of the file.

    Raises:
        ConfigurationError: a rule is unknown or out of range. The message names the line.
    """
    try:
        rules = msgspec.convert(written, GateRules)
    except msgspec.ValidationError as error:
        raise text.error(f"{str(error).replace('Object ', 'the gate ')}", *at, *_named(str(error))) from error
    return _Reading(text, at).gate(rules)


def _named(message: str) -> tuple[str, ...]:
    """Return the key in msgspec's message."""
    found = re.search(r"unknown field `(.+?)`|at `\$\.([^`.\[]+)", message)
    return (found[1] or found[2],) if found else ()


class _Reading:
    """Reads the values of one gate; an error names the place of the wrong value."""

    def __init__(self, text: TomlText, at: tuple[str | int, ...]) -> None:
        self._text, self._at = text, at

    def gate(self, rules: GateRules) -> Gate:
        for name in ("least_comparisons", "least_tenants", "least_noise_rounds", "approvals"):
            least = 1 if name in {"least_comparisons", "least_tenants"} else 0
            if getattr(rules, name) < least:
                raise self._error(name, f"is {getattr(rules, name)}; it is {least} or more")
        return Gate(
            alpha=self._share("alpha", rules.alpha, most=0.5),
            claim=rules.claim,
            least_comparisons=rules.least_comparisons,
            least_tenants=rules.least_tenants,
            most_divergent=self._share("most_divergent", rules.most_divergent),
            most_divergent_of={kind: self._share("most_divergent_of", share) for kind, share in rules.most_divergent_of.items()},
            most_divergent_stratum=self._share("most_divergent_stratum", rules.most_divergent_stratum),
            most_failed_more=self._share("most_failed_more", rules.most_failed_more),
            slow_quantile=self._share("slow_quantile", rules.slow_quantile),
            most_slow_more=self._share("most_slow_more", rules.most_slow_more, most=1.0),
            least_coverage=self._share("least_coverage", rules.least_coverage, most=1.0),
            least_detected=self._share("least_detected", rules.least_detected),
            least_noise_rounds=rules.least_noise_rounds,
            soak_s=self._seconds("soak", rules.soak),
            approvals=rules.approvals,
            not_on=rules.not_on,
            between=self._between(rules.between),
            time_zone=self._zone(rules.time_zone),
            roll_back=rules.roll_back,
        )

    def _error(self, name: str, problem: str) -> Exception:
        key = name.replace("_", "-")
        return self._text.error(f"{key} {problem}", *self._at, key)

    def _share(self, name: str, written: str, *, most: float = 0.999) -> float:
        found = _SHARE.fullmatch(written.strip())
        share = float(found[1]) / 100 if found else 0.0
        if not 0.0 < share <= most:
            raise self._error(name, f'is "{written}"; write a share above 0 and at most {100 * most:g} %, such as "2 %"')
        return share

    def _seconds(self, name: str, written: str) -> float:
        found = _TIME.fullmatch(written.strip())
        if not found:
            raise self._error(name, f'is "{written}"; write a time such as "30 min", "24 h" or "7 d"')
        return float(found[1]) * _SECONDS[found[2]]

    def _between(self, written: str) -> tuple[time, time] | None:
        if written == "00:00-24:00":
            return None
        found = _HOURS.fullmatch(written)
        hours = found and (time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])))
        if not hours or hours[0] >= hours[1]:
            raise self._error("between", f'is "{written}"; write hours of one day, such as "09:00-16:00"')
        return hours

    def _zone(self, written: str) -> ZoneInfo:
        try:
            return ZoneInfo(written)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise self._error("time_zone", f'is "{written}", which is not known; write a name such as "Europe/Berlin"') from error
