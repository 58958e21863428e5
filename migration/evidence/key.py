"""The key of the digests that replace redacted values. Without it, equal digests only show that the values are equal."""

import contextlib
import os
import secrets
from pathlib import Path

from migration.database import give_to_owner_of
from migration.errors import ConfigurationError
from migration.settings import MigrationSettings

FILE_NAME = "evidence.key"
_KEY_BYTES = 32


def digest_key(settings: MigrationSettings) -> bytes:
    """Return the configured key, or that of `home`, which is made on first use and can be read only by its owner.

    Raises:
        ConfigurationError: the key file cannot be read or written, is too short, or others may read it.
    """
    if settings.hash_key:
        return settings.hash_key.encode()
    path = settings.path(Path(FILE_NAME))
    try:
        return _read(path)
    except FileNotFoundError:
        return _make(path)


def _read(path: Path) -> bytes:
    try:
        mode, key = path.stat().st_mode, path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; make it readable, or set NETRA_MIGRATION_HASH_KEY") from error
    if mode & 0o077:
        raise ConfigurationError(f"other users may read {path}; run `chmod 600 {path}`")
    if len(key) < _KEY_BYTES:
        raise ConfigurationError(f"{path} contains {len(key)} bytes instead of {_KEY_BYTES}; remove it, and a new key is made")
    return key


def _make(path: Path) -> bytes:
    """Write the complete file under another name, then link it: if two processes start together, both read the key of the first one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - opens a descriptor with a mode
            give_to_owner_of(path.parent, file.fileno())
            file.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; make the folder writable, or set NETRA_MIGRATION_HASH_KEY") from error
    finally:
        draft.unlink(missing_ok=True)
    return _read(path)
