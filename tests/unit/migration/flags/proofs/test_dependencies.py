"""What a flag uses beyond itself."""

import pytest

from migration.flags.meaning.data import FlagData
from migration.flags.proofs.dependencies import attributes_read, depends


def clause(attribute, kind="tenant", op="in", values=()):
    return {"contextKind": kind, "attribute": attribute, "op": op, "values": list(values)}


def flag(*clauses, needs=()):
    return {"rules": [{"clauses": list(clauses)}], "prerequisites": [{"key": key, "variation": 0} for key in needs]}


@pytest.mark.parametrize(
    ("needs", "expected"),
    [({"a": ["b"]}, True), ({"a": ["c"], "c": ["b"]}, True), ({"a": ["c"], "c": ["a"]}, False), ({}, False), ({"x": ["b"]}, False)],
    ids=["directly", "through another", "in a circle", "on nothing", "not itself"],
)
def test_a_flag_depends_on_another_through_prerequisites(needs, expected):
    data = FlagData(flags={key: flag(needs=needs.get(key, ())) for key in ("a", "b", "c", "x")})
    assert depends(data, "a", "b") is expected


def test_a_flag_that_is_gone_depends_on_nothing():
    assert not depends(FlagData(flags={"a": {"deleted": True, "prerequisites": [{"key": "b"}]}}), "a", "b")


def test_attributes_are_those_of_tenants_in_rules_segments_and_prerequisites():
    data = FlagData(
        flags={"b": flag(clause("plan")), "c": {"deleted": True, "rules": [{"clauses": [clause("gone")]}]}},
        segments={"s": {"rules": [{"clauses": [clause("/size/~1n"), clause("", op="segmentMatch", values=["s", "none"])]}]}},
    )
    rules = flag(clause("region"), clause("key"), clause("age", kind="user"), clause("", op="segmentMatch", values=["s"]), needs=["b", "c"])
    assert attributes_read(data, rules) == {"region", "plan", "size"}
