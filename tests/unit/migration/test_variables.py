"""Settings are read from variables, each checked, and what is wrong is said in a person's words."""

from pathlib import Path

import msgspec
import pytest

from migration.errors import ConfigurationError
from migration.settings import MigrationSettings
from migration.variables import Secret, decode, encode, misspelt


def test_a_field_is_read_from_its_variable(monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_FLAGS_FILE", "/etc/flags.json")
    assert MigrationSettings().flags_file == Path("/etc/flags.json")


def test_the_case_of_a_variable_does_not_count(monkeypatch):
    monkeypatch.setenv("netra_migration_flags_poll_s", " 1.5 ")
    assert MigrationSettings().flags_poll_s == 1.5


def test_what_the_caller_gives_wins_over_the_variable(monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", "elsewhere")
    assert MigrationSettings(home="here").home == Path("here")


@pytest.mark.parametrize("text", ["acme, globex", "acme,globex,", '["acme", "globex"]', ' ["acme","globex"]'])
def test_names_are_given_between_commas_or_as_json(monkeypatch, text):
    monkeypatch.setenv("NETRA_MIGRATION_TENANTS", text)
    assert MigrationSettings().tenants == ("acme", "globex")


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("ON", True), ("1", True), ("no", False), ("false", False), ("0", False)])
def test_yes_and_no_may_be_said_in_the_usual_ways(monkeypatch, text, value):
    monkeypatch.setenv("NETRA_MIGRATION_LAUNCHDARKLY_STREAM", text)
    assert MigrationSettings().launchdarkly_stream is value


@pytest.mark.parametrize(("text", "path"), [("", None), ("null", Path("null")), ("ca.pem", Path("ca.pem"))])
def test_an_empty_variable_of_a_file_that_may_be_absent_names_none(monkeypatch, text, path):
    monkeypatch.setenv("NETRA_MIGRATION_LAUNCHDARKLY_CA_FILE", text)
    assert MigrationSettings().launchdarkly_ca_file == path


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("flags_poll_s", "soon", "must be a number above 0"),
        ("flags_poll_s", "0", "must be a number above 0"),
        ("flags_poll_s", "inf", "must be a number above 0"),
        ("flags_poll_s", "nan", "must be a number above 0"),
        ("flags_poll_s", "", "must be a number above 0"),
        ("shadow_queue_jobs", "1.5", "must be a whole number, 1 or more"),
        ("shadow_memory_bytes", "1", "must be a whole number, 67108864 or more"),
        ("noise_sampling", "101", "must be a number from 0 to 100"),
        ("flags_source", "redis-cluster", "must be one of: file, launchdarkly, redis"),
        ("start_without_flags", "yes", "must be one of: wait, off"),
        ("launchdarkly_stream", "maybe", "must be yes or no"),
        ("tenants", '["acme"', "must be names, separated by commas, or a JSON list of them"),
        ("tenants", '["acme", 3]', "must be names, separated by commas, or a JSON list of them"),
    ],
)
def test_a_value_that_cannot_be_used_is_answered_with_what_can(monkeypatch, field, text, said):
    monkeypatch.setenv(f"NETRA_MIGRATION_{field.upper()}", text)
    with pytest.raises(ConfigurationError) as refused:
        MigrationSettings()
    assert str(refused.value) == f"NETRA_MIGRATION_{field.upper()}: {said}"


def test_all_that_is_wrong_is_said_at_once(monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_FLAGS_SOURCE", "s3")
    monkeypatch.setenv("NETRA_MIGRATION_MISS_BUDGET", "-1")
    with pytest.raises(ConfigurationError, match=r"FLAGS_SOURCE: .*; NETRA_MIGRATION_MISS_BUDGET: "):
        MigrationSettings()


def test_a_caller_cannot_give_what_is_not_a_setting():
    with pytest.raises(TypeError, match="hmoe"):
        MigrationSettings(hmoe="here")


def test_no_secret_is_printed_or_leaves_with_the_rest():
    settings = MigrationSettings(launchdarkly_sdk_key="sdk-1234", redis_url="redis://:pass@127.0.0.1")
    assert (settings.launchdarkly_sdk_key.reveal(), settings.redis_url.reveal()) == ("sdk-1234", "redis://:pass@127.0.0.1")
    for text in (repr(settings), str(settings), f"{settings.redis_url}", encode(settings).decode()):
        assert "sdk-1234" not in text
        assert "pass" not in text.replace("passed", "")


def test_a_process_gets_the_settings_as_they_are_whatever_its_environment_says(monkeypatch, tmp_path):
    settings = MigrationSettings(home=tmp_path, tenants=("acme",), shadow_priority="low")
    monkeypatch.setenv("NETRA_MIGRATION_HOME", "elsewhere")
    read = decode(MigrationSettings, encode(settings))
    assert (read.home, read.tenants, read.shadow_priority) == (tmp_path, ("acme",), "low")


def test_a_replaced_setting_leaves_the_others(monkeypatch):
    settings = MigrationSettings(redis_url=Secret("redis://one"), flags_poll_s=3.0)
    monkeypatch.setenv("NETRA_MIGRATION_FLAGS_POLL_S", "9")
    replaced = msgspec.structs.replace(settings, tenants=("acme",))
    assert (replaced.redis_url.reveal(), replaced.flags_poll_s, replaced.tenants) == ("redis://one", 3.0, ("acme",))


def test_a_misspelt_variable_is_named_with_the_one_that_may_be_meant():
    environment = {"NETRA_MIGRATION_FLAG_FILE": "x", "NETRA_MIGRATION_QQXYZ_OF_OTHERS": "x", "NETRA_MIGRATION_HOME": "x", "NETRA_HOME": "x"}
    assert misspelt(MigrationSettings, environment) == [
        "NETRA_MIGRATION_FLAG_FILE is not a setting; did you mean NETRA_MIGRATION_FLAGS_FILE?",
        "NETRA_MIGRATION_QQXYZ_OF_OTHERS is not a setting; docs/settings.md lists all settings",
    ]
