"""Ten thousand drawn flags, for two hundred tenants each: the product's answers are the SDK's, every one."""

import os
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.property.flags_drawn import SURFACES
from tests.property.flags_judged import judge

FLAGS, TENANTS = int(os.environ.get("DRAWN_FLAGS", "10000")), 200


def judged(seed: int) -> str | None:
    """Return how to repeat a difference; None: there is none."""
    try:
        judge(seed, tenants=TENANTS)
    except Exception as error:  # noqa: BLE001 - whatever went wrong with these flags
        return f"keep this as an example: judge({seed}, tenants={TENANTS}): {type(error).__name__}"
    return None


@pytest.mark.timeout(1200)
def test_the_answers_of_the_product_are_those_of_the_sdk():
    seeds = random.SystemRandom().sample(range(2**32), -(-FLAGS // len(SURFACES)))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert [said for said in pool.map(judged, seeds, chunksize=20) if said is not None] == []
