import pytest

from migration.isolation.identity import distinctive, is_random

TELLING = [
    "9d3f1c44e0b84f6f8f3c2a7d51c09b1e",
    "c0ffee11-51a2-4c3d-9e0f-7a6b5c4d3e2f",
    "ann.lee@acme.example",
    "tenant-7f3a9c",
    "thread-5b1e77aa90c3",
    "V1StGXR8Z5jdHi6B",
    "7203948572039485720",
    "täglich-5b1e77aa90c3",
]
COMMON = [
    "",
    "a",
    "1",
    "acme",
    "alice",
    "user-1842",
    "a@b.cd",
    "customer-success-team",
    "international-sales-department",
    "2025-03-14",
    "2025-03-14-10-30",
    "1700000000",
    "1700000000123",
    "large-2-model",
    "h100-cluster",
    "7f3a9c",
    "thread\n5b1e77aa90c3",
]


@pytest.mark.parametrize("identifier", TELLING)
def test_an_identifier_that_nobody_writes_by_chance_is_sought_in_text(identifier):
    assert distinctive(identifier)


@pytest.mark.parametrize("identifier", COMMON)
def test_an_identifier_that_may_stand_in_any_text_is_not(identifier):
    assert not distinctive(identifier)


@pytest.mark.parametrize(
    ("identifier", "random"), [("cache-9d3f1c44e0b8", True), ("tenant-7f3a9c", False), ("ann.lee@acme.example", False)]
)
def test_only_an_identifier_with_a_random_part_is_found_within_a_longer_name(identifier, random):
    assert is_random(identifier) is random
