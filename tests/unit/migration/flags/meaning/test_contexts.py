"""Tenants as contexts of LaunchDarkly."""

import pytest

from migration.flags.meaning.contexts import Tenant, context


@pytest.mark.parametrize(
    ("value", "seen"), [(12.0, 12), (12.5, 12.5), (-3.0, -3), (1e300, 1e300), (float("inf"), float("inf")), (True, True)]
)
def test_a_whole_number_is_dealt_as_one_whatever_it_came_as(value, seen):
    tenant = context(Tenant(tenant_id="acme", attributes={"account": value}), "chat").get_individual_context("tenant")
    found = tenant.get("account")
    assert (found, type(found)) == (seen, type(seen))


def test_a_context_has_the_tenant_and_the_surface():
    found = context(Tenant(tenant_id="acme", attributes={"plan": "free", "key": "ignored"}), "chat")
    assert (found.get_individual_context("tenant").key, found.get_individual_context("surface").key) == ("acme", "chat")
