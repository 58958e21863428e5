"""Invented tenants, one in each range of a rollout's buckets. The SDK evaluates each of them in place of all tenants in its range."""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from migration.flags.meaning.contexts import Tenant, context
from migration.flags.meaning.data import TENANT_KIND, FlagData
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.model import Stage

WHOLE: Final = 100_000  #: the sum of the weights of a rollout at LaunchDarkly
_TRIES: Final = 3_000_000  #: invented tenants; the chance of missing a range of one weight is e^-30
_BUCKETS: Final = float(0xFFFFFFFFFFFFFFF)
_IN: Final = Stage.DUALWRITE.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A range of buckets, [low, high), and one tenant in it."""

    low: int  #: out of 100,000
    high: int
    probe: Tenant | None  #: None: no tenant was found, so nothing is known about this range

    @property
    def percent(self) -> float:
        """Share of all buckets, 0 to 100."""
        return (self.high - self.low) * 100 / WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """The values by which a rollout assigns tenants to buckets. Two rollouts with equal values assign all tenants to the same buckets."""

    key: str  #: the flag's key
    salt: str
    seed: int | None  #: replaces key and salt; None: not used
    kind: str  #: kind of the context that gets a bucket
    attribute: str  #: attribute of that context

    @classmethod
    def of(cls, flag: Mapping[str, Any], rollout: Mapping[str, Any]) -> "Dealing":
        """Return the values for a rollout of the flag."""
        attribute = "key" if rollout.get("kind") == "experiment" else rollout.get("bucketBy") or "key"
        return cls(
            key=flag["key"],
            salt=flag.get("salt") or "",
            seed=rollout.get("seed"),
            kind=rollout.get("contextKind") or "user",
            attribute="key" if attribute == "/key" else attribute,
        )

    def stretches(self, cuts: Sequence[int]) -> tuple[Stretch, ...]:
        """Return the ranges between these cut points, each with a tenant that the SDK itself puts there.

        Args:
            cuts: the points out of 100,000, in any order; 0 and 100,000 are always added.
        """
        edges = sorted({0, WHOLE, *(cut for cut in cuts if 0 < cut < WHOLE)})
        if self.kind != TENANT_KIND:
            # Without a bucket by tenant, all tenants of a surface are equal, whatever the cut points; one tenant represents all.
            return (Stretch(low=0, high=WHOLE, probe=Tenant(tenant_id="probe")),)
        found = self._search(edges)
        return tuple(Stretch(low=low, high=high, probe=found.get(at)) for at, (low, high) in enumerate(pairwise(edges)))

    def _search(self, edges: Sequence[int]) -> dict[int, Tenant]:
        """Return a tenant for each range. LaunchDarkly's bucket formula finds a candidate tenant, and the SDK then confirms it. Source of
        the formula: `ldclient.impl.evaluator_common._bucket_context`, the first 15 hex digits of a SHA-1.
        """
        prefix = hashlib.sha1(f"{self.key}.{self.salt}.".encode() if self.seed is None else f"{self.seed}.".encode(), usedforsecurity=False)
        bounds = [edge / WHOLE for edge in edges]
        found: dict[int, Tenant] = {}
        for number in range(_TRIES):
            digest = prefix.copy()
            digest.update(b"probe-%d" % number)
            at = bisect_right(bounds, int(digest.hexdigest()[:15], 16) / _BUCKETS) - 1
            if at not in found and at < len(edges) - 1:
                found[at] = self._tenant(f"probe-{number}")
                if len(found) == len(edges) - 1:
                    break
        return {at: probe for at, probe in found.items() if self.holds(edges[at], edges[at + 1], probe)}

    def _tenant(self, value: str) -> Tenant:
        """Return a tenant with this value for its bucket."""
        if self.attribute == "key":
            return Tenant(tenant_id=value)
        # https://docs.launchdarkly.com: an attribute is a name, or a path of names after slashes, where `~1` and `~0` stand for `/` and
        # `~`.
        path = self.attribute[1:].split("/") if self.attribute.startswith("/") else [self.attribute]
        inner: Any = value
        for name in reversed(path[1:]):
            inner = {_unescaped(name): inner}
        name = _unescaped(path[0]) if self.attribute.startswith("/") else path[0]
        return Tenant(tenant_id="probe", attributes={name: inner})

    def holds(self, low: int, high: int, tenant: Tenant) -> bool:
        """Return whether the SDK puts the tenant between these cut points, out of 100,000."""
        rollout: dict[str, Any] = {
            "contextKind": self.kind,
            "bucketBy": self.attribute,
            "variations": [
                {"variation": 0, "weight": low},
                {"variation": 1, "weight": high - low},
                {"variation": 0, "weight": WHOLE - high},
            ],
        }
        if self.seed is not None:
            rollout["seed"] = self.seed
        flag = {
            "key": self.key,
            "version": 1,
            "on": True,
            "salt": self.salt,
            "variations": [Stage.OFF.value, _IN],
            "fallthrough": {"rollout": rollout},
        }
        with FlagEvaluator.of(FlagData(flags={self.key: flag})) as evaluator:
            return evaluator.held_at(self.key, context(tenant, "probe")) is Stage.DUALWRITE


def cut_points(outcome: Mapping[str, Any]) -> list[int]:
    """Return the points, out of 100,000, where a rollout changes from one share to the next; () for a plain variation."""
    if outcome.get("variation") is not None:
        return []
    total, cuts = 0, []
    for share in (outcome.get("rollout") or {}).get("variations") or []:
        total += share["weight"]
        cuts.append(total)
    return cuts


def _unescaped(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")
