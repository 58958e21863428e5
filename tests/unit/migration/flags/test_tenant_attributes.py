"""Attributes of tenants come from a file, a callable and the request; what is bad of them holds its last known state and is named."""

import json

import pytest

from migration.errors import ConfigurationError
from migration.flags.tenant_attributes import TenantAttributes
from migration.settings import MigrationSettings

CALLABLE = "tests.unit.migration.flags.making:attributes_of"


@pytest.fixture
def plans(monkeypatch):
    plans = {}
    monkeypatch.setattr("tests.unit.migration.flags.making.PLANS_OF_TENANTS", plans)
    return plans


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tenants.json"


@pytest.fixture
def attributes(tmp_path, file):
    started = []

    def start(**settings):
        settings = {"tenant_attributes_file": file, "flags_poll_s": 3600, **settings}
        started.append(TenantAttributes(MigrationSettings(home=tmp_path, **settings)))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_without_a_setting_no_tenant_has_any(attributes):
    known = attributes(tenant_attributes_file=None)
    assert (dict(known.tenant("acme").attributes), known.problem, known.unread) == ({}, None, None)


def test_request_counts_more_than_callable_and_callable_more_than_file(attributes, file, plans):
    file.write_text(json.dumps({"acme": {"a": "file", "b": "file", "c": "file"}}))
    plans["acme"] = {"b": "callable", "c": "callable"}
    known = attributes(tenant_attributes_from=CALLABLE)
    described = known.described("acme", known.asked("acme"), b'{"c":"request"}')
    assert dict(described.attributes) == {"a": "file", "b": "callable", "c": "request"}


def test_the_tenants_of_the_file_are_known(attributes, file):
    file.write_text(json.dumps({"acme": {"plan": "pro"}, "globex": {}}))
    assert [(tenant.tenant_id, dict(tenant.attributes)) for tenant in attributes().tenants()] == [("acme", {"plan": "pro"}), ("globex", {})]


@pytest.mark.parametrize("spoiled", ["pro", None, 3, ["plan"], {"key": "globex"}, {"kind": "user"}])
def test_a_spoiled_entry_keeps_its_last_known_attributes_and_touches_no_other(attributes, file, spoiled):
    file.write_text(json.dumps({"acme": {"plan": "pro"}, "globex": {"plan": "free"}}))
    known = attributes()
    file.write_text(json.dumps({"acme": spoiled, "globex": {"plan": "pro"}}))
    known._follower.look()
    assert [known.tenant(name).attributes["plan"] for name in ("acme", "globex")] == ["pro", "pro"]
    assert "; the first is acme" in known.problem


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_spoiled_file_keeps_everything_and_is_named(attributes, file, content):
    file.write_text(json.dumps({"acme": {"plan": "pro"}}))
    known = attributes()
    file.write_bytes(content)
    known._follower.look()
    assert (known.tenant("acme").attributes["plan"], known.unread) == ("pro", None)
    assert "the last known attributes stay in use" in known.problem


def test_a_file_that_was_never_read_is_said_to_be_unread(attributes):
    known = attributes()
    assert "it does not exist" in known.unread
    assert known.unread in known.problem


def raising(_tenant_id):
    raise KeyError("a user's secret")


@pytest.mark.parametrize("broken", [raising, lambda _tenant: "pro", lambda _tenant: {"a": object()}, lambda _tenant: 3])
def test_a_callable_that_fails_fails_no_request_and_what_it_said_before_holds(attributes, plans, broken, caplog):
    plans["acme"] = {"plan": "pro"}
    known = attributes(tenant_attributes_file=None, tenant_attributes_from=CALLABLE)
    known.asked("acme")
    known._ask = broken
    assert (known.asked("acme"), known.asked("other")) == (b'{"plan":"pro"}', b"")
    assert ("its last answer stays in use" in known.problem, "secret" in caplog.text) == (True, False)


@pytest.mark.parametrize("name", ["nowhere:f", "json:nothing", "json", "json:decoder", ":", "json:__name__"])
def test_a_callable_that_cannot_be_had_is_refused(attributes, name):
    with pytest.raises(ConfigurationError, match="NETRA_MIGRATION_TENANT_ATTRIBUTES_FROM"):
        attributes(tenant_attributes_file=None, tenant_attributes_from=name)
