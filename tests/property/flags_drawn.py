"""Draws whole sets of flags as LaunchDarkly can have them, and tenants for whom they can be evaluated. A number draws always the same."""

import json
from collections.abc import Collection, Sequence
from random import Random
from typing import Any

SURFACES = ("chat", "batch", "tools")
STAGES = ("off", "dualwrite", "shadow", "live", "rampdown", "complete")
#: As many as the SDK knows, and two that it does not.
OPERATORS = (
    *("in", "startsWith", "endsWith", "contains", "matches", "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"),
    *("before", "after", "semVerEqual", "semVerLessThan", "semVerGreaterThan", "unheardOf", ""),
)
KINDS = ("tenant", "tenant", "tenant", "surface", "user", None)
TENANTS = (*(f"tenant-{number}" for number in range(20)), "acme", "Ünïcödé 🏢", "a:b%c", "7", "\ud800")
SEGMENTS = ("beta", "inner", "big", "nowhere")
WORDS = ("pro", "free", "pr", "o$", "^p.o", "[", "eu", "acme", "tenant-1", "chat", "tenant", "1.2.3", "2.0", "1.2.4-beta", "")
VALUES = (*WORDS, "2026-01-02T03:04:05Z", 0, 1, 1.0, 5, 1_767_323_045_000, -3.5, True, False, None, ["pro"], {"city": "Bonn"})
PLAIN = ("plan", "plan", "number", "number", "beta", "teams", "version", "since", "key", "kind", "name")
ATTRIBUTES = (*PLAIN, "/address/city", "/address", "//", "address/city")
TIMES = ("2026-01-02T03:04:05Z", "2025-01-01T00:00:00+01:00", 1_767_323_045_000, "yesterday")

Json = dict[str, Any]


class Drawer:
    """Draws with one `Random`."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - examples, not secrets

    def one(self, of: Sequence[Any]) -> Any:
        return self.random.choice(of)

    def some(self, draw: Any, most: int) -> list[Any]:
        return [draw() for _ in range(self.random.randint(0, most))]

    def now_and_then(self, times: int = 8) -> bool:
        return self.random.randrange(times) == 0

    def optional(self, fields: dict[str, Any], times: int = 2) -> Json:
        """Return each field that is drawn, about once in that many times."""
        return {name: draw() for name, draw in fields.items() if self.now_and_then(times)}

    def tenant(self) -> tuple[str, Json]:
        attributes = self.optional(
            {
                "plan": lambda: self.one(VALUES),
                "number": lambda: self.one([0, 1, 1.0, 5, 99, -3.5, "5", True]),
                "beta": lambda: self.one([True, False]),
                "teams": lambda: self.some(lambda: self.one(VALUES), 3),
                "address": lambda: self.one([{"city": "Bonn"}, {"city": ["Bonn", "pro"]}, *VALUES]),
                "version": lambda: self.one(["1.2.3", "2.0", "2", "v1", "1.2.4-beta", 3]),
                "since": lambda: self.one(TIMES),
                "name": lambda: self.one(["Acme", 3]),
                "key": lambda: "another",
            }
        )
        return self.one(TENANTS), attributes

    def index(self, of: int = 6) -> int:
        return self.one([9, -1, of]) if self.now_and_then(20) else self.random.randrange(of)

    def clause(self) -> Json:
        if self.now_and_then(4):
            kind, attribute, op, values = "tenant", "", "segmentMatch", self.some(lambda: self.one(SEGMENTS), 2)
        else:
            kind, attribute, op = self.one(KINDS), self.one(ATTRIBUTES), self.one(OPERATORS)
            values = self.some(lambda: self.one([*VALUES, *TENANTS[:3]]), 4)
        return {"contextKind": kind, "attribute": attribute, "op": op, "values": values, "negate": self.now_and_then(3)}

    def outcome(self, variations: int) -> Json:
        """An index, a rollout or experiment, both, or (seldom) neither; weights of 0, and not always 100,000 together."""
        if self.now_and_then(40):
            return {}
        index, weights = {"variation": self.index(variations)}, [0, 0, 1, 10_000, 30_000, 50_000, 100_000]
        if self.now_and_then(3):
            return index
        shares = [
            {"variation": self.index(variations), "weight": self.one(weights), **self.optional({"untracked": lambda: True}, 4)}
            for _ in range(self.random.randint(0 if self.now_and_then(20) else 1, 6))
        ]
        more = self.optional(
            {
                "bucketBy": lambda: self.one(["key", "plan", "/address/city", "number", "//", ""]),
                "seed": lambda: self.one([0, 61, None]),
                "kind": lambda: self.one(["rollout", "experiment"]),
            },
            3,
        )
        dealt = {"rollout": {"variations": shares, "contextKind": self.one(KINDS), **more}}
        return {**index, **dealt} if self.now_and_then(10) else dealt

    def target(self, variations: int) -> Json:
        values = self.some(lambda: self.one([*TENANTS[:5], "chat"]), 3)
        return {"variation": self.index(variations), "values": values, "contextKind": self.one(KINDS)}

    def flag(self, key: str, variations: Sequence[Any]) -> Json:
        """A flag in any shape that the SDK can decode."""
        count = max(1, len(variations))

        def need() -> Json:
            return {"key": self.one(["allowed", "allowed", "chained", "circular", "gone"]), "variation": self.one([0, 1, 1])}

        fields = {
            "offVariation": lambda: None if self.now_and_then(4) else self.index(count),
            "salt": lambda: self.one(["netra", "", "other"]),
            "rules": lambda: [
                {"id": "r", **self.outcome(count), "clauses": self.some(self.clause, 2)} for _ in range(self.random.randint(0, 3))
            ],
            "targets": lambda: self.some(lambda: self.target(count), 2),
            "contextTargets": lambda: self.some(lambda: self.target(count), 3),
            "migration": lambda: {"checkRatio": 1},
            "unheardOf": lambda: self.one(VALUES),
        }
        return {
            "key": key,
            "version": 1,
            "on": not self.now_and_then(),
            "deleted": self.now_and_then(16),
            "variations": [*variations],
            "fallthrough": self.outcome(count),
            **self.optional({"prerequisites": lambda: self.some(need, 2)}, 4),
            **self.optional(fields),
        }

    def stages(self) -> Sequence[Any]:
        """Six stages in order, two or four of them, in another order, or values that are none."""
        shuffled = self.random.sample(STAGES, 6)
        odd = self.some(lambda: self.one([*STAGES, "beta", True, 3, None]), 6)
        return self.one([STAGES, STAGES, STAGES, ("off", "complete"), ("off", "shadow", "live", "complete"), shuffled, odd])

    def segment(self, key: str) -> Json:
        """A segment; those in it may lead in a circle."""

        def keys() -> list[Any]:
            return self.some(lambda: self.one(TENANTS), 3)

        def listed() -> Json:
            return {"values": keys(), "contextKind": self.one(KINDS)}

        def weighted() -> Json:
            fields = {
                "weight": lambda: self.one([0, 50_000, 100_000]),
                "bucketBy": lambda: self.one(["key", "plan"]),
                "rolloutContextKind": lambda: self.one(KINDS),
            }
            return {"clauses": self.some(self.clause, 2), **self.optional(fields)}

        fields = {
            "included": keys,
            "excluded": keys,
            "includedContexts": lambda: self.some(listed, 2),
            "excludedContexts": lambda: self.some(listed, 2),
            "rules": lambda: self.some(weighted, 2),
            "salt": lambda: "s",
        }
        return {"key": key, "version": 1, "deleted": self.now_and_then(16), "unbounded": self.now_and_then(16), **self.optional(fields)}

    def ramp_flag(self, key: str) -> Json:
        """A flag in the middle of its ramp: two neighbouring stages, and whatever targets and rules beside."""
        upper, weight = self.random.randint(1, 5), self.one([0, 1_000, 25_000, 50_000, 100_000])
        shares = [{"variation": index, "weight": {upper: weight, upper - 1: 100_000 - weight}.get(index, 0)} for index in range(upper + 1)]
        rollout = {"contextKind": "tenant", "variations": shares, **self.optional({"seed": lambda: 61})}
        plain = self.flag(key, STAGES) if self.now_and_then(3) else {"key": key, "version": 1, "variations": [*STAGES], "salt": "netra"}
        return {**plain, "on": True, "deleted": False, "fallthrough": {"rollout": rollout}}

    def flag_file(self, ramping: Collection[str] = ()) -> bytes:
        """The flags of all surfaces, most of the time the switches, and what these may depend on. `ramping`: surfaces in mid-ramp."""
        switched = [[False, True], [False, True], [False, True], [True, False], [False], ["no", "yes"], []]
        sampled = [[0, 100], [0, 12.5, 50], [0, 100, "ten %"], [True, -1, 101], [None]]
        keys = {surface: f"execution-engine-{surface}" for surface in SURFACES}
        flags = [self.ramp_flag(key) if surface in ramping else self.flag(key, self.stages()) for surface, key in keys.items()]
        flags += [self.flag("execution-engine-kill-switch", self.one(switched))] if self.now_and_then(2) else []
        flags += [self.flag("shadow-sampling", self.one(sampled))] if not self.now_and_then(4) else []
        flags += [{"key": "allowed", "version": 1, "on": True, "variations": [False, True], "fallthrough": {"variation": 1}}]
        flags += [self.flag(key, self.one(switched)) for key in ("chained", "circular", "anything at all") if self.now_and_then(2)]
        segments = [self.segment(key) for key in SEGMENTS[:3] if not self.now_and_then(4)]
        whole = {"flags": {flag["key"]: flag for flag in flags}, "segments": {segment["key"]: segment for segment in segments}}
        return json.dumps(whole).encode()
