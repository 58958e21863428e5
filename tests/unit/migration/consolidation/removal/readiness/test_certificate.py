"""A certificate holds for the tree, the surfaces, the keys and the time that it was made for, and for nothing else."""

import base64
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from migration.consolidation.removal.certificate import sign, verify
from migration.consolidation.removal.readiness.criteria import CRITERIA, Criterion, SurfaceReadiness
from migration.consolidation.removal.signing_key import public_key
from migration.errors import CertificateError, ConfigurationError

DAY = 86_400.0
NOW = 1_000 * DAY


@pytest.fixture
def document(tree, key, ready):
    return sign([ready()], {"chat": tree.digest()}, key, now=NOW)


@pytest.fixture
def check(tree, key):
    def check_one(document, *, keys=None, now=NOW + DAY, surfaces=("chat",)):
        return verify(document, [public_key(key)] if keys is None else keys, now=now, surfaces=surfaces, root=tree.root)

    return check_one


def test_what_was_signed_is_given_back(check, document, ready):
    assert check(document).surfaces == (ready(),)


def test_the_order_and_the_layout_of_the_json_do_not_matter(check, document):
    turned = dict(reversed(msgspec.json.decode(document).items()))
    assert check(msgspec.json.encode(turned)).expires_at == NOW + 7 * DAY


@pytest.mark.parametrize("garbage", [b"", b"{}", b"[]", b"\xff", b'{"certificate": 1, "public_key": "", "signature": ""}', b"[" * 100_000])
def test_what_is_no_certificate_is_refused(check, garbage):
    with pytest.raises(CertificateError, match="not a certificate"):
        check(garbage)


def test_a_certificate_of_a_key_that_the_manifest_does_not_list_is_refused(check, tree, ready):
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    with pytest.raises(CertificateError, match="does not list it"):
        check(sign([ready()], {"chat": tree.digest()}, other, now=NOW))


def test_without_keys_in_the_manifest_no_certificate_counts(check, document):
    with pytest.raises(CertificateError, match="lists none"):
        check(document, keys=[])


def test_a_foreign_signature_under_a_listed_key_is_refused(check, document, key):
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    forged = msgspec.json.decode(document)
    forged["signature"] = base64.b64encode(other.sign(b"x")).decode()
    with pytest.raises(CertificateError, match="signature is wrong"):
        check(msgspec.json.encode(forged))


@pytest.mark.parametrize("days", [7.001, 8, 400])
def test_it_expires_after_seven_days(check, document, days):
    assert check(document, now=NOW + 7 * DAY)
    with pytest.raises(CertificateError, match="expired"):
        check(document, now=NOW + days * DAY)


def test_one_that_is_dated_in_the_future_is_refused(check, document):
    with pytest.raises(CertificateError, match="future"):
        check(document, now=NOW - 400)


def test_a_surface_that_it_says_nothing_of_is_refused(check, document):
    with pytest.raises(CertificateError, match="does not name tools"):
        check(document, surfaces=["chat", "tools"])


@pytest.mark.parametrize("name", CRITERIA)
def test_a_surface_is_not_certified_when_a_single_criterion_is_unmet(tree, key, ready, name):
    with pytest.raises(CertificateError, match=name):
        sign([ready(unmet=(name,))], {"chat": "0"}, key, now=NOW)


@pytest.mark.parametrize("name", CRITERIA)
def test_a_surface_is_not_certified_when_a_single_criterion_was_not_checked(key, ready, name):
    some = msgspec.structs.replace(ready(), criteria=tuple(one for one in ready().criteria if one.name != name))
    with pytest.raises(CertificateError, match="not every criterion"):
        sign([some], {"chat": "0"}, key, now=NOW)


def test_signed_but_unready_is_refused_all_the_same(check, tree, key, ready):
    body = msgspec.json.decode(sign([ready()], {"chat": tree.digest()}, key, now=NOW))["certificate"]
    body["surfaces"][0]["criteria"][4]["met"] = False
    signature = base64.b64encode(key.sign(msgspec.json.encode(body, order="sorted"))).decode()
    with pytest.raises(CertificateError, match=r"not ready \(ledger"):
        check(msgspec.json.encode({"certificate": body, "public_key": public_key(key), "signature": signature}))


def test_nothing_is_certified_without_a_surface(key):
    with pytest.raises(CertificateError, match="no surface"):
        sign([], {}, key, now=NOW)


_SIGNED = sign(
    [SurfaceReadiness.of("chat", [Criterion(name=name, met=True, detail="Seen.", evidence={"runs": 1}) for name in CRITERIA])],
    {"chat": "d" * 64},
    Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    now=NOW,
)


@given(place=st.integers(0, len(_SIGNED) - 1), byte=st.integers(0, 255))
def test_no_changed_byte_goes_unnoticed(place, byte):
    changed = bytearray(_SIGNED)
    changed[place] = byte
    keys = [public_key(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))]
    try:
        same = msgspec.json.decode(bytes(changed)) == msgspec.json.decode(_SIGNED)
    except (msgspec.DecodeError, UnicodeDecodeError):
        same = False
    # Layout means nothing, so a blank may become another one. Then all of it is believed, and this folder is not a tree with a manifest.
    with pytest.raises(ConfigurationError if same else CertificateError):
        verify(bytes(changed), keys, now=NOW, surfaces=["chat"], root=Path(__file__).parent)
