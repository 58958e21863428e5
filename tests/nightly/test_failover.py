"""A candidate that fails at every event, of every request, in every way, at both stages: and the share of runs that control saves."""

from collections import Counter

import pytest

from tests.integration.failing_candidates import ASKED, WAYS, failing_backend, tried


@pytest.mark.parametrize("stage", ["live", "rampdown"])
@pytest.mark.parametrize("way", WAYS)
async def test_no_client_ever_sees_two_ends_a_foreign_event_or_a_doubled_effect(tmp_path, stage, way):
    shares: dict[str, Counter[str]] = {}
    async with failing_backend(tmp_path, stage) as running:
        for surface, request in ASKED:
            found = await tried(running, surface, request, way)
            shares.setdefault(surface, Counter()).update(result for result in found.results if result)
    print(f"\n{stage}, {way}:")  # noqa: T201 - the figure that this test is for
    for surface, results in shares.items():
        print(f"  {surface}: {results['saved']} of {results.total()} saved; {dict(results)}")  # noqa: T201 - as above
        assert results["saved"]
