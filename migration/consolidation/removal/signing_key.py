"""The private key that certificates are signed with: Ed25519, in a file that only its owner can read. There is no default key."""

import base64
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from migration.errors import ConfigurationError


def make_key(file: Path) -> str:
    """Write a new private key (PKCS 8, PEM) into a new file with mode 0600 and return its public key.

    Raises:
        ConfigurationError: the file already exists or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - opens a descriptor with a mode
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise ConfigurationError(f"{file} already exists, and a key is never overwritten; name another file") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror}); name another file") from error
    return public_key(key)


def load_key(file: Path) -> Ed25519PrivateKey:
    """Return the private key in a file.

    Raises:
        ConfigurationError: the file cannot be read, is readable for others, or does not contain an Ed25519 key.
    """
    try:
        with file.open("rb") as opened:
            mode, data = os.fstat(opened.fileno()).st_mode, opened.read()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; make a key with `netra-migration removal key --out FILE`") from error
    if mode & 0o077:
        raise ConfigurationError(
            f"{file} may be read or written by other users; run `chmod 600 {file}`, and make a new key if they may have read it"
        )
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The error's text may quote the file's content.
        raise ConfigurationError(
            f"{file}: does not contain an unencrypted private key in PEM; `netra-migration removal key --out FILE` makes one"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{file}: contains a key that is not an Ed25519 key; `netra-migration removal key --out FILE` makes one")
    return key


def public_key(key: Ed25519PrivateKey) -> str:
    """Return the public key in the form of `public-keys`: base64 of 32 bytes."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
