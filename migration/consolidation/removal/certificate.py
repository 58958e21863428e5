"""A signed statement that control of some surfaces may be removed, which CI can check against a clean clone.

```json
{"certificate": {...}, "public_key": "...", "signature": "..."}
```

The signature is an Ed25519 signature over the canonical JSON (sorted keys, no spaces, UTF-8) of `certificate`. Key and signature are
base64.
"""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from migration.consolidation.removal.digest import digests
from migration.consolidation.removal.manifest import load_manifest
from migration.consolidation.removal.readiness.criteria import SurfaceReadiness, all_met
from migration.consolidation.removal.signing_key import public_key
from migration.consolidation.removal.validity import VALID_DAYS
from migration.errors import CertificateError

_VERSION: Final = 1
_DAY_S: Final = 86_400.0
#: Clocks of two machines differ a little. A certificate that is dated further in the future comes from a machine with a wrong clock.
_AHEAD_S: Final = 300.0


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signed content."""

    issued_at: float  #: Unix seconds
    expires_at: float  #: Unix seconds
    surfaces: tuple[SurfaceReadiness, ...]  #: all of them are ready
    trees: dict[str, str]  #: surface -> digest of the files that were checked; see `digest.digests`
    version: int = _VERSION


class _Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    certificate: dict[str, Any]
    public_key: str
    signature: str


def sign(
    surfaces: Sequence[SurfaceReadiness], trees: Mapping[str, str], key: Ed25519PrivateKey, *, now: float, days: float = VALID_DAYS
) -> bytes:
    """Return a certificate as JSON.

    Args:
        surfaces: the results of the checks.
        trees: the digest of each surface, taken before the checks, so that a change during the checks makes the certificate invalid.
        key: its public key has to be among the manifest's `public-keys` when the certificate is verified.
        now: Unix seconds.
        days: how long the certificate is valid.

    Raises:
        CertificateError: a surface is not ready, or no surface is given.
    """
    if not surfaces:
        raise CertificateError("there is no surface to certify; name one")
    for one in surfaces:
        if not one.ready or not all_met(one.criteria):
            raise CertificateError(f"{one.surface} is not ready ({_unmet(one)}); see `netra-migration removal check {one.surface}`")
    certificate = Certificate(
        issued_at=now,
        expires_at=now + days * _DAY_S,
        surfaces=tuple(surfaces),
        trees={one.surface: trees[one.surface] for one in surfaces},
    )
    body = msgspec.to_builtins(certificate)
    signature = base64.b64encode(key.sign(_canonical(body))).decode()
    document = {"certificate": body, "public_key": public_key(key), "signature": signature}
    return msgspec.json.format(_canonical(document), indent=2) + b"\n"


def verify(
    document: bytes, public_keys: Collection[str], *, now: float, surfaces: Collection[str], root: Path, home: Path | None = None
) -> Certificate:
    """Return the certificate if it now allows the removal of control of these surfaces from this tree.

    Args:
        document: the result of `sign`.
        public_keys: the manifest's keys; a certificate must be signed with one of them.
        now: Unix seconds.
        surfaces: the surfaces whose control is to be removed; the certificate may name more. Empty: all surfaces of the certificate.
        root: the root of the tree, with the manifest.
        home: the migration's own folder; None: it is not known.

    Raises:
        CertificateError: the certificate does not allow it; the message says why, and what to do.
        ConfigurationError: the manifest cannot be read, or the tree cannot be audited.
    """
    signed = _parse(document)
    _check_signature(signed, public_keys)  # checked before the content is trusted
    certificate = _certificate(signed.certificate)
    _check_time(certificate, now)
    wanted = surfaces or [one.surface for one in certificate.surfaces]
    _check_surfaces(certificate, wanted)
    found = digests(root, load_manifest(root), wanted, home)
    for surface, digest in found.items():
        if certificate.trees.get(surface) != digest:
            raise CertificateError(
                f"{surface}: the tree is not the one that was certified: its engines, adapter, ledger, manifest, consumers or flag "
                "references have changed; check it again and have it certified"
            )
    return certificate


def _parse(document: bytes) -> _Signed:
    try:
        return msgspec.json.decode(document, type=_Signed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CertificateError(f"this is not a certificate ({error}); `netra-migration removal certificate` writes one") from None


def _check_signature(signed: _Signed, public_keys: Collection[str]) -> None:
    if signed.public_key not in public_keys:
        known = "lists none" if not public_keys else "does not list it"
        raise CertificateError(f"the certificate is signed by {signed.public_key[:64]!r}, and `public-keys` in the manifest {known}")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.public_key, validate=True))
        key.verify(base64.b64decode(signed.signature, validate=True), _canonical(signed.certificate))
    except (InvalidSignature, binascii.Error, ValueError, RecursionError):
        raise CertificateError("the signature is wrong: the certificate was changed after it was signed; have it made again") from None


def _certificate(body: dict[str, Any]) -> Certificate:
    try:
        certificate = msgspec.convert(body, Certificate)
    except msgspec.ValidationError as error:
        raise CertificateError(f"the certificate is signed, but not in a form that this tool knows ({error})") from None
    if certificate.version != _VERSION:
        raise CertificateError(f"the certificate has version {certificate.version}, and this tool knows {_VERSION}; have it made again")
    return certificate


def _check_time(certificate: Certificate, now: float) -> None:
    if now > certificate.expires_at:
        days = (now - certificate.expires_at) / _DAY_S
        raise CertificateError(f"the certificate expired {days:.1f} days ago; check again and have a new one made")
    if certificate.issued_at > now + _AHEAD_S:
        raise CertificateError("the certificate is dated in the future; correct the clocks of both machines and have it made again")


def _check_surfaces(certificate: Certificate, surfaces: Collection[str]) -> None:
    certified = {one.surface: one for one in certificate.surfaces}
    for surface in surfaces:
        if (one := certified.get(surface)) is None:
            raise CertificateError(f"the certificate does not name {surface}; it is for {', '.join(certified) or 'no surface'}")
        if not one.ready or not all_met(one.criteria):
            raise CertificateError(f"the certificate says that {surface} is not ready ({_unmet(one)})")


def _unmet(one: SurfaceReadiness) -> str:
    return ", ".join(criterion.name for criterion in one.unmet) or "not every criterion was checked"


def _canonical(document: object) -> bytes:
    return msgspec.json.encode(document, order="sorted")
