"""The digest key: configured, or made once, for its owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from migration.errors import ConfigurationError
from migration.evidence import digest_key
from migration.settings import MigrationSettings


def test_the_configured_key_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    assert digest_key(MigrationSettings(home=tmp_path, hash_key="secret")) == b"secret"
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = MigrationSettings(home=tmp_path / "home")
    key = digest_key(settings)
    (file,) = (tmp_path / "home").iterdir()
    assert (len(key), digest_key(settings), stat.S_IMODE(file.stat().st_mode)) == (32, key, 0o600)


def test_those_who_start_together_agree_on_one_key(tmp_path: Path) -> None:
    settings = MigrationSettings(home=tmp_path)
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(digest_key, [settings] * 64))
    assert len(keys) == 1


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    digest_key(MigrationSettings(home=tmp_path))
    (tmp_path / "evidence.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        digest_key(MigrationSettings(home=tmp_path))


def test_a_key_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evidence.key").touch(0o600)
    with pytest.raises(ConfigurationError, match="0 bytes instead of 32"):
        digest_key(MigrationSettings(home=tmp_path))


def test_a_home_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(ConfigurationError, match="HASH_KEY"):
        digest_key(MigrationSettings(home=tmp_path / "home" / "inner"))
