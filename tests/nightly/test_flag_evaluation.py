"""Ten thousand drawn flags, for two hundred tenants each: the product's answers are the SDK's, every one."""

import os
import random

import pytest

from tests.property.flags_drawn import SURFACES
from tests.property.flags_judged import judge

FLAGS, TENANTS = int(os.environ.get("DRAWN_FLAGS", "10000")), 200


@pytest.mark.timeout(1200)
def test_the_answers_of_the_product_are_those_of_the_sdk():
    seeds = random.SystemRandom().sample(range(2**32), -(-FLAGS // len(SURFACES)))
    for seed in seeds:
        try:
            judge(seed, tenants=TENANTS)
        except AssertionError as error:
            raise AssertionError(f"keep this as an example: judge({seed}, tenants={TENANTS})") from error
