"""How hypothesis draws: the same examples in every run of the suite, new ones where somebody explores. And quick collecting."""

import gc
import os

from hypothesis import HealthCheck, settings

# A run is decided by the code, never by chance or by how busy the machine is. What exploration finds is kept as an example.
settings.register_profile("fixed", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("fixed")

# goes with: migration
# How busy the machine is must not decide which runs are shadowed either: tests of the governor switch it on.
os.environ.setdefault("NETRA_MIGRATION_SHADOW_GOVERNOR", "off")
# stays


def pytest_collection() -> None:
    """Nothing that is collected here is garbage, so it is not searched for any."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
