"""LaunchDarkly's flags as hypothesis makes them: whatever its SDK evaluates, in the shapes that its pages, exports and people write.

`flag_data()` gives a `FlagData` with a flag of surface `chat` and all that it looks at; `tenants()` gives whom to evaluate. Weights lie on
a coarse grid, and names are few, so that rules, targets and segments meet the tenants often.
"""

from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from migration.flags.contexts import Tenant
from migration.flags.data import CANDIDATE_FAILOVER, KILL_SWITCH, SHADOW_SAMPLING, FlagData, surface_flag_key
from migration.stages import STAGE_ORDER

CHAT = surface_flag_key("chat")
STAGES = [stage.value for stage in STAGE_ORDER]
TENANT_IDS = [f"t{number}" for number in range(12)]
ATTRIBUTES: dict[str, list[Any]] = {
    "plan": ["free", "paid", "Paid ", ""],
    "region": ["eu-1", "eu-2", "us-1"],
    "seats": [0, 3, 10.5, -1],
    "beta": [True, False],
    "since": ["2026-01-01T00:00:00Z", 1_700_000_000_000, "not a date"],
    "build": ["1.2.3", "2.0", "1.2.3-rc1", "x"],
    "tags": [["a"], ["a", "b"], []],
}
OPERATORS = {
    "in": ["free", "paid", 3, True, "a", "t3", "chat"],
    "startsWith": ["eu", "t1", "f"],
    "endsWith": ["1", "d", "9"],
    "contains": ["a", "t", "-"],
    "matches": ["^t[0-5]$", "eu|us", "("],
    "lessThan": [0, 3, 11],
    "lessThanOrEqual": [3, -1],
    "greaterThan": [0, 10.5],
    "greaterThanOrEqual": [3],
    "before": ["2026-06-01T00:00:00Z", 1_800_000_000_000, "x"],
    "after": ["2025-06-01T00:00:00Z", 0],
    "semVerEqual": ["1.2.3", "2.0.0"],
    "semVerLessThan": ["2.0.0", "x"],
    "semVerGreaterThan": ["1.0.0"],
    "unheardOf": ["x"],
}
KINDS = ["tenant", "tenant", "tenant", "surface", "user"]


def maybe(strategy: st.SearchStrategy[Any], name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return either nothing or one member of that name."""
    return st.one_of(st.just({}), strategy.map(lambda value: {name: value}))


@st.composite
def clauses(draw) -> dict[str, Any]:
    """Return one clause of a rule."""
    if draw(st.integers(0, 5)) == 0:
        clause = {
            "attribute": "",
            "op": "segmentMatch",
            "values": draw(st.lists(st.sampled_from(["s1", "s2", "s-none"]), min_size=1, max_size=2)),
        }
    else:
        operator = draw(st.sampled_from(list(OPERATORS)))
        attribute = draw(st.sampled_from([*ATTRIBUTES, "key", "key", "kind", "/plan", "missing"]))
        values = draw(st.lists(st.sampled_from(OPERATORS[operator]), max_size=2))
        clause = {"contextKind": draw(st.sampled_from(KINDS)), "attribute": attribute, "op": operator, "values": values}
    return clause | draw(maybe(st.booleans(), "negate"))


@st.composite
def weights(draw, variations: int) -> list[dict[str, Any]]:
    """Return a rollout's list: in order of the variations or not, some twice, some at 0, mostly 100,000 together."""
    cuts = sorted(draw(st.lists(st.sampled_from([0, 1, 1_000, 10_000, 25_000, 50_000, 90_000, 99_999, 100_000]), max_size=5)))
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, 100_000], strict=True)]
    if draw(st.integers(0, 9)) == 0:
        parts[-1] = max(0, parts[-1] - draw(st.sampled_from([1_000, 50_000])))
    indexes = draw(st.lists(st.integers(0, variations - 1), min_size=len(parts), max_size=len(parts)))
    if draw(st.integers(0, 3)):
        indexes = sorted(indexes)
    if draw(st.integers(0, 3)):
        parts, indexes = [0, *parts], [0, *indexes]
    untracked = draw(st.integers(0, 9)) == 0
    return [
        {"variation": index, "weight": part} | ({"untracked": True} if untracked else {})
        for index, part in zip(indexes, parts, strict=True)
    ]


@st.composite
def outcomes(draw, variations: int) -> dict[str, Any]:
    """Return what a rule or the fallthrough serves: a variation, a rollout, at times both."""
    plain = {"variation": draw(st.integers(0, variations - 1))}
    kind = draw(st.integers(0, 9))
    if kind < 3:
        return plain
    rollout = {"variations": draw(weights(variations))}
    rollout |= draw(st.sampled_from([{"contextKind": "tenant"}] * 6 + [{}, {"contextKind": "surface"}]))
    rollout |= draw(st.sampled_from([{}] * 4 + [{"bucketBy": "key"}, {"bucketBy": "region"}, {"bucketBy": "/plan"}]))
    rollout |= draw(st.sampled_from([{}] * 4 + [{"seed": 61}, {"seed": 0}]))
    rollout |= draw(st.sampled_from([{}] * 4 + [{"kind": "experiment"}, {"kind": "rollout"}]))
    return {"rollout": rollout} | (plain if kind == 9 else {})


@st.composite
def rules(draw, variations: int, number: int) -> dict[str, Any]:
    """Return one rule."""
    return {"id": f"rule-{number}", "clauses": draw(st.lists(clauses(), max_size=2))} | draw(outcomes(variations))


def targets(variations: int, kinds: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return one entry of `contextTargets`."""
    names = st.lists(st.sampled_from([*TENANT_IDS, "chat"]), max_size=3, unique=True)
    return st.builds(
        lambda kind, variation, values: {"contextKind": kind, "variation": variation, "values": values},
        st.sampled_from(kinds),
        st.integers(0, variations - 1),
        names,
    )


@st.composite
def flags(draw, key: str = CHAT, variations: list[Any] | None = None, prerequisites: tuple[str, ...] = ("gate",)) -> dict[str, Any]:
    """Return one flag: of two, four or six stages unless variations are given."""
    listed = variations or draw(st.sampled_from([STAGES] * 5 + [["off", "complete"], ["off", "shadow", "live", "complete"]]))
    count = len(listed)
    flag: dict[str, Any] = {
        "key": key,
        "version": draw(st.integers(1, 9)),
        "on": draw(st.integers(0, 9)) > 0,
        "variations": list(listed),
        "offVariation": draw(st.sampled_from([0, 0, 0, 0, None, count - 1])),
        "fallthrough": draw(outcomes(count)),
    }
    flag |= draw(st.sampled_from([{"salt": "netra"}, {"salt": ""}, {}]))
    if draw(st.booleans()):
        flag["rules"] = [draw(rules(count, number)) for number in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):
        flag["contextTargets"] = draw(st.lists(targets(count, KINDS), max_size=3))
    if draw(st.integers(0, 5)) == 0:
        flag["targets"] = [{"variation": 0, "values": ["somebody"]}]
    if draw(st.integers(0, 4)) == 0:
        flag["prerequisites"] = [{"key": draw(st.sampled_from([*prerequisites, "nowhere"])), "variation": draw(st.integers(0, 1))}]
    if draw(st.integers(0, 9)) == 0:
        flag["deleted"] = True
    return flag | draw(maybe(st.just({"checkRatio": 1}), "migration")) | draw(maybe(st.just("of other people"), "description"))


@st.composite
def ramp_flags(draw) -> dict[str, Any]:
    """Return a surface's flag in the middle of its ramp: two neighbouring stages, and whatever targets and rules beside."""
    flag = draw(flags(variations=STAGES))
    upper, weight = draw(st.integers(1, 5)), draw(st.sampled_from([0, 1_000, 25_000, 50_000, 100_000]))
    listed = [{"variation": index, "weight": {upper: weight, upper - 1: 100_000 - weight}.get(index, 0)} for index in range(upper + 1)]
    rollout = {"contextKind": "tenant", "variations": listed} | draw(st.sampled_from([{}, {"seed": 61}]))
    flag |= {"on": True, "fallthrough": {"rollout": rollout}}
    flag.pop("deleted", None)
    return flag


@st.composite
def segments(draw, key: str) -> dict[str, Any]:
    """Return one segment, which may look at itself through its rules."""
    names = st.lists(st.sampled_from(TENANT_IDS), max_size=3, unique=True)
    segment: dict[str, Any] = {"key": key, "version": 1, "salt": "s", "included": [], "excluded": []}
    segment["includedContexts"] = [{"contextKind": "tenant", "values": draw(names)}]
    segment["excludedContexts"] = [{"contextKind": "tenant", "values": draw(names)}]
    if draw(st.booleans()):
        rule = {"clauses": draw(st.lists(clauses(), max_size=2))}
        segment["rules"] = [rule | draw(st.sampled_from([{}, {"weight": 50_000, "rolloutContextKind": "tenant"}]))]
    return segment


@st.composite
def flag_data(draw) -> FlagData:
    """Return all flags and segments of a source: the surface's, its prerequisite, the switches, and one of other people."""
    found = {CHAT: draw(st.one_of(flags(), ramp_flags())), "gate": draw(flags("gate", [False, True], ("nowhere",)))}
    if draw(st.booleans()):
        found[KILL_SWITCH] = draw(flags(KILL_SWITCH, draw(st.sampled_from([[False, True], [True, False]]))))
    if draw(st.booleans()):
        found[SHADOW_SAMPLING] = draw(flags(SHADOW_SAMPLING, draw(st.sampled_from([[0, 100], [0, 2.5, 100], [10, "ten"], [0, 400]]))))
    if draw(st.booleans()):
        found[CANDIDATE_FAILOVER] = draw(flags(CANDIDATE_FAILOVER, [False, True]))
    if draw(st.booleans()):
        found["execution-engine-timeout-ms"] = draw(flags("execution-engine-timeout-ms", [1_000, 5_000]))
    return FlagData(flags=MappingProxyType(found), segments=MappingProxyType({key: draw(segments(key)) for key in ("s1", "s2")}))


@st.composite
def tenants(draw, tenant_ids: st.SearchStrategy[str] | None = None) -> Tenant:
    """Return a tenant, with some attributes."""
    tenant_id = draw(tenant_ids or st.sampled_from([*TENANT_IDS, *(f"x{number}" for number in range(1_000))]))
    names = draw(st.sets(st.sampled_from(list(ATTRIBUTES)), max_size=4))
    return Tenant(
        tenant_id=tenant_id, attributes=MappingProxyType({name: draw(st.sampled_from(ATTRIBUTES[name])) for name in sorted(names)})
    )
