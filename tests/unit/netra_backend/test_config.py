import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from netra_backend.app import config
from netra_backend.app.config import load_settings, misspelt_variables
from netra_backend.app.errors import SettingsError

SECRET = "a-secret-of-more-than-thirty-two-bytes"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("NETRA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRA_HOME", str(tmp_path / "home"))


def test_the_server_listens_on_loopback_unless_told_otherwise() -> None:
    assert load_settings().host == "127.0.0.1"


def test_in_development_two_starts_agree_on_one_secret() -> None:
    assert load_settings().jwt_secret == load_settings().jwt_secret


def test_the_kept_secret_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    load_settings()
    assert stat.S_IMODE((tmp_path / "home" / "jwt_secret").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "home").iterdir()] == ["jwt_secret"]


def test_processes_that_start_together_agree_on_one_secret() -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = {settings.jwt_secret.get_secret_value() for settings in pool.map(lambda _: load_settings(), range(32))}
    assert len(secrets) == 1


def test_a_secret_that_another_process_wrote_meanwhile_stays(tmp_path: Path) -> None:
    for secret in ("first", "second"):
        config._write_once(tmp_path / "jwt_secret", secret)
    assert (tmp_path / "jwt_secret").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 1


def test_production_without_a_secret_is_refused_and_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    load_settings()  # a development secret is lying about; production must not pick it up
    monkeypatch.setenv("NETRA_ENVIRONMENT", "production")
    with pytest.raises(SettingsError, match="NETRA_JWT_SECRET is not set"):
        load_settings()


def test_an_empty_secret_in_production_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_ENVIRONMENT", "production")
    monkeypatch.setenv("NETRA_JWT_SECRET", "")
    with pytest.raises(SettingsError, match="NETRA_JWT_SECRET is not set"):
        load_settings()


def test_a_short_secret_is_refused_without_being_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_JWT_SECRET", "hunter2")
    with pytest.raises(SettingsError, match="NETRA_JWT_SECRET: is shorter than 32 bytes") as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)


def test_a_damaged_secret_file_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "jwt_secret").write_text("short")
    with pytest.raises(SettingsError, match="is damaged: delete it"):
        load_settings()


def test_a_home_that_cannot_be_written_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match="NETRA_HOME to a folder that can be written"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NETRA_PORT", "65536"),
        ("NETRA_PORT", "http"),
        ("NETRA_ENVIRONMENT", "staging"),
        ("NETRA_WORKERS", "0"),
        ("NETRA_MODEL_PROVIDER", "fake"),
        ("NETRA_OPENAI_BASE_URL", "localhost:1234"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}: "):
        load_settings()


def test_port_0_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_PORT", "0")
    assert load_settings().port == 0


def test_the_openai_provider_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_MODEL_PROVIDER", "openai")
    with pytest.raises(SettingsError, match="needs NETRA_OPENAI_API_KEY"):
        load_settings()


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_ALLOWED_ORIGINS", "https://a.example, https://b.example")
    assert load_settings().allowed_origins == ("https://a.example", "https://b.example")


def test_the_database_lies_in_home_unless_told_otherwise(tmp_path: Path) -> None:
    assert load_settings().database_url.get_secret_value() == f"sqlite+aiosqlite:///{tmp_path / 'home' / 'netra.db'}"


def test_arguments_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_PORT", "9000")
    assert load_settings(port=9001).port == 9001


def test_settings_show_no_secret_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_JWT_SECRET", SECRET)
    monkeypatch.setenv("NETRA_OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("NETRA_DATABASE_URL", f"postgresql+psycopg://netra:{SECRET}@db/netra")
    settings = load_settings()
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1


@pytest.mark.parametrize("written", ["acme, globex", "acme,globex,", '["acme", "globex"]'])
def test_a_list_is_names_between_commas_or_json(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("NETRA_READ_ONLY_TENANTS", written)
    monkeypatch.setenv("NETRA_MIGRATION_WATCH_TENANTS", written)  # goes with: migration
    assert load_settings().read_only_tenants == ("acme", "globex")
    # goes with: migration
    from migration.settings import MigrationSettings

    assert MigrationSettings().watch_tenants == ("acme", "globex")
    # stays


def test_a_list_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_READ_ONLY_TENANTS", '["acme"')
    with pytest.raises(SettingsError, match="NETRA_READ_ONLY_TENANTS: is neither names"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("NETRA_DRIAN_S", "NETRA_DRIAN_S is not a setting; did you mean NETRA_DRAIN_S?"),
        ("NETRA_GUSET_HOME", "did you mean NETRA_GUEST_HOME?"),
        ("NETRA_QQ", "docs/settings.md lists all settings"),
    ],
)
def test_a_variable_that_nobody_reads_is_named(name: str, says: str) -> None:
    [sentence] = misspelt_variables({name: "x", "NETRA_HOME": "var", "PATH": "/bin"}, ["NETRA_GUEST_HOME"])
    assert says in sentence
