"""Boxes of what only production knows: a certificate ticks them, if it is signed and about this tree; nothing else does."""

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from migration.consolidation.removal.certificate import sign
from migration.consolidation.removal.digest import digests
from migration.consolidation.removal.manifest import CERTIFICATE_NAME, load_manifest
from migration.consolidation.removal.readiness.criteria import CRITERIA, Criterion, SurfaceReadiness
from migration.consolidation.removal.signing_key import public_key

TEXT = "A certificate from production allows the removal of control of `shop`."
FILE = CERTIFICATE_NAME
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
MANIFEST = f"""
[tool.netra-migration.removal]
public-keys = ["{public_key(KEY)}"]
[tool.netra-migration.removal.surfaces.shop]
engines = ["shop/old.py"]
adapter = "use.py"
ledger = "ledger/shop.toml"
"""
LONG_AGO = 1_000_000_000.0


@pytest.fixture
def certify(boxes, tmp_path):
    """Sign a certificate, a quarter of a century ago."""

    def run(key=KEY):
        boxes({}, MANIFEST)
        evidence = {"key": "execution-engine-shop", "tests": ["tests/test_old.py"]}
        ready = SurfaceReadiness.of("shop", [Criterion(name=name, met=True, detail="Seen.", evidence=evidence) for name in CRITERIA])
        trees = digests(tmp_path, load_manifest(tmp_path), ["shop"])
        (tmp_path / FILE).write_bytes(sign([ready], trees, key, now=LONG_AGO))
        return boxes({}, MANIFEST)[TEXT]

    return run


def test_without_a_certificate_the_box_is_empty_and_its_command_asks_production(boxes):
    box = boxes({}, MANIFEST)[TEXT]
    assert (box.done, box.evidence, box.command) == (False, f"There is no `{FILE}`.", "netra-migration removal check shop")


def test_a_certificate_ticks_the_box_whatever_day_it_is(certify):
    box = certify()
    assert (box.done, box.evidence) == (True, f"`{FILE}` allows it, is signed by a key of the manifest, and is for this tree.")


def test_a_certificate_of_another_key_ticks_nothing(certify):
    box = certify(OTHER)
    assert not box.done
    assert "is signed by" in box.evidence


def test_a_tree_that_has_changed_since_empties_the_box(certify, boxes):
    assert certify().done
    box = boxes({"other.py": "import shop.old\n"}, MANIFEST)[TEXT]
    assert not box.done
    assert "not the one that was certified" in box.evidence


@pytest.mark.parametrize("field", ["issued_at", "surfaces"])
def test_a_certificate_that_was_edited_ticks_nothing(field, certify, boxes, tmp_path):
    certify()
    document = msgspec.json.decode((tmp_path / FILE).read_bytes())
    document["certificate"][field] = {"issued_at": LONG_AGO + 1, "surfaces": []}[field]
    (tmp_path / FILE).write_bytes(msgspec.json.encode(document))
    box = boxes({}, MANIFEST)[TEXT]
    assert not box.done
    assert "the signature is wrong" in box.evidence


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000, base64.b64encode(b"x" * 64)])
def test_what_is_no_certificate_ticks_nothing(data, boxes, tmp_path):
    boxes({}, MANIFEST)
    (tmp_path / FILE).write_bytes(data)
    box = boxes({}, MANIFEST)[TEXT]
    assert not box.done
    assert "this is not a certificate" in box.evidence
