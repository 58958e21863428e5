"""A signing key lies in a file of its owner alone."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from migration.consolidation.removal.signing_key import load_key, make_key, public_key
from migration.errors import ConfigurationError


def test_a_new_key_can_be_loaded_and_has_the_public_key_that_was_told(tmp_path):
    told = make_key(tmp_path / "keys" / "removal.pem")
    assert public_key(load_key(tmp_path / "keys" / "removal.pem")) == told
    assert len(base64.b64decode(told)) == 32


def test_only_its_owner_can_read_it(tmp_path):
    make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(tmp_path):
    make_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(ConfigurationError, match="never overwritten"):
        make_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_key_that_others_may_read_or_write_is_refused(tmp_path, mode):
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_key(tmp_path / "key")


def test_a_file_without_a_key_is_refused_and_not_quoted(tmp_path):
    (tmp_path / "key").write_text("a secret of another kind")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(ConfigurationError, match="not contain an unencrypted private key") as refused:
        load_key(tmp_path / "key")
    assert "secret" not in str(refused.value)


def test_a_key_of_another_kind_is_refused(tmp_path):
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key").write_bytes(other)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(ConfigurationError, match="not an Ed25519 key"):
        load_key(tmp_path / "key")


def test_a_missing_key_is_told_with_what_makes_one(tmp_path):
    with pytest.raises(ConfigurationError, match="removal key --out"):
        load_key(tmp_path / "key")
