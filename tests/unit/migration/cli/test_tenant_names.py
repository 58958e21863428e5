"""Who may be named as a tenant: the project that lets tenants in decides, and commands ask it."""

import pytest

from migration.cli.names import known_tenant, listed_tenant
from migration.errors import ConfigurationError, UnknownTenantError
from migration.settings import MigrationSettings
from netra_backend.app.errors import InvalidContextError
from netra_backend.app.services.user_execution_context import check_tenant

NAMES = [
    "acme",
    "a b",
    " acme",
    "acme ",
    "default",
    "demo-1",
    "a/b",
    "a\\b",
    "a\nb",
    "",
    " ",
    "x" * 256,
    "x" * 257,
    "\ud800",
    "ü",
    "a\u00a0b",
]


def lets_in(name):
    try:
        return check_tenant(name) == name
    except InvalidContextError:
        return False


@pytest.mark.parametrize("name", [name for name in NAMES if lets_in(name)], ids=ascii)
def test_commands_take_every_tenant_that_the_backend_lets_in(name):
    assert known_tenant(MigrationSettings(), name) == name


@pytest.mark.parametrize("name", [name for name in NAMES if not lets_in(name)], ids=ascii)
def test_commands_refuse_every_tenant_that_the_backend_refuses(name):
    with pytest.raises(ConfigurationError, match="cannot be a tenant's id: tenant_id m"):
        known_tenant(MigrationSettings(), name)


@pytest.mark.parametrize("name", ["", " acme", "a\nb", "x" * 257])
def test_a_project_without_a_rule_takes_printable_ids(name):
    settings = MigrationSettings(tenant_rule="")
    assert known_tenant(settings, "demo") == "demo"
    with pytest.raises(ConfigurationError, match="1 to 256 printable characters"):
        known_tenant(settings, name)


def test_a_rule_that_cannot_be_imported_is_an_error():
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        known_tenant(MigrationSettings(tenant_rule="nowhere.at_all:rule"), "acme")


def test_what_was_kept_under_an_id_that_is_refused_today_can_be_erased():
    assert listed_tenant(MigrationSettings(), "default") == "default"
    with pytest.raises(UnknownTenantError):
        listed_tenant(MigrationSettings(tenants=("acme",)), "default")
