"""What the product says about a tenant is what LaunchDarkly's SDK says, evaluated on its own, for every flag that it can evaluate."""

import logging

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.property.flags_drawn import SURFACES
from tests.property.flags_judged import judge

FLAGS, TENANTS = 150, 50  # ten thousand for two hundred tenants each in tests/nightly


@example(seed=2390769965)  # a rollout by an attribute that is 1.0 for some tenants
@example(seed=3872499405)
@settings(max_examples=FLAGS // len(SURFACES))
@given(seed=st.integers(0, 2**32))
def test_the_answers_of_the_product_are_those_of_the_sdk(seed):
    judge(seed, tenants=TENANTS)


def test_most_of_what_is_drawn_names_a_stage(caplog):
    caplog.set_level(logging.CRITICAL)
    named = sum(judge(seed, tenants=10) for seed in range(20))
    assert named > 20 * 10 * len(SURFACES) / 2
