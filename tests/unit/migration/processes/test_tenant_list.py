"""Tenants that flags name one by one, and those that are known from elsewhere, each once."""

import pytest

from migration.flags.meaning.data import FlagData
from migration.processes.tenant_list import described, known_tenants, pinned


class Table:
    def __init__(self, *seen):
        self._seen = seen

    def seen_tenants(self, after=""):
        return [one for one in self._seen if one[0] > after][:2]


def target(kind, *values):
    return {"contextKind": kind, "values": list(values)}


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ({"contextTargets": [target("tenant", "b", "a"), target("surface", "chat")]}, ["a", "b"]),
        ({"targets": [{"values": ["a"]}]}, ["a"]),
        ({"rules": [{"clauses": [{"contextKind": "tenant", "attribute": "key", "op": "in", "values": ["a", 7]}]}]}, ["a"]),
        ({"rules": [{"clauses": [{"contextKind": "tenant", "attribute": "plan", "op": "in", "values": ["gold"]}]}]}, []),
        ({"rules": [{"clauses": [{"contextKind": "tenant", "attribute": "key", "op": "startsWith", "values": ["a"]}]}]}, []),
        ({"contextTargets": None, "rules": ["x"]}, []),
    ],
)
def test_a_flag_names_tenants_in_targets_and_in_rules_about_their_key(flag, named):
    assert pinned(FlagData(flags={"f": flag})) == named


def test_a_segment_names_tenants_too():
    segment = {"includedContexts": [target("tenant", "a")], "excludedContexts": [target("tenant", "b")]}
    assert pinned(FlagData(segments={"s": segment})) == ["a", "b"]


def test_each_known_tenant_comes_once_whatever_names_it():
    table = Table(("a", '{"plan": "gold"}'), ("b", "{}"), ("c", "{}"))
    data = FlagData(flags={"f": {"contextTargets": [target("tenant", "b", "d")]}})
    found = list(known_tenants(table, data, stored=["d", "e"]))
    assert [tenant.tenant_id for tenant in found] == ["a", "b", "c", "d", "e"]
    assert found[0].attributes == {"plan": "gold"}


def test_a_tenant_without_attributes_has_none():
    assert dict(described(None, "a", b"").attributes) == {}
