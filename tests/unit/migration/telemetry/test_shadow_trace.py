"""The trace of a shadow: what was found is on it, and a divergent one is kept whatever was drawn."""

import msgspec
import pytest

from migration.model import Divergence, Origin, Stage, Verdict
from migration.sentence import say
from migration.settings import MigrationSettings
from migration.telemetry import spans
from migration.telemetry.shadow_trace import ShadowTraces, TracedShadow
from migration.telemetry.traced import Ids, Traceable
from tests.unit.migration.telemetry.test_run_spans import REQUEST, comparison, model, record


class Taken(list[Traceable]):
    def put(self, item: Traceable) -> None:
        self.append(item)


def shadow(verdict: Verdict | None, *, drawn: bool = False) -> TracedShadow:
    found = Divergence(
        kind="payload",
        severity="contract",
        fingerprint="0123456789ab",
        lane="data",
        path="a.4711",
        control="1",
        candidate="2",
        sentence=say("x"),
    )
    result = None if verdict is None else comparison(verdict)
    if verdict is Verdict.DIVERGENT:
        result = msgspec.structs.replace(result, divergences=(found,))
    own = record(model(0.1), origin=Origin.CANDIDATE)
    about = {"request": REQUEST, "stage": Stage.SHADOW, "origin": Origin.CANDIDATE, "served_record": record(), "record": own}
    times = {"began_ns": 10**9, "compared_ns": 2 * 10**9, "ended_ns": 3 * 10**9}
    return TracedShadow(served=Ids(1, 2), drawn=drawn, comparison=result, failed=None if result else "deadline", **about, **times)


def traces(taken: Taken) -> ShadowTraces:
    return ShadowTraces(MigrationSettings(), taken, lambda path: path.replace("4711", "#"))


@pytest.mark.parametrize(
    ("verdict", "drawn", "kept"),
    [
        (Verdict.MATCH, False, 0),
        (Verdict.MATCH, True, 1),
        (Verdict.DIVERGENT, False, 1),
        (Verdict.INCONCLUSIVE, False, 1),
        (None, False, 0),
    ],
)
def test_a_shadow_is_kept_if_it_was_drawn_or_its_verdict_is_not_clean(verdict, drawn, kept):
    taken = Taken()
    traces(taken).ended(shadow(verdict, drawn=drawn))
    assert len(taken) == kept


def test_a_divergence_is_an_event_with_its_fingerprint_and_its_redacted_path():
    taken = Taken()
    traces(taken).ended(shadow(Verdict.DIVERGENT))
    *_, compare = taken[0].spans()
    (event,) = compare.events
    assert (event.name, event.attributes[spans.FINGERPRINT], event.attributes[spans.PATH]) == (spans.DIVERGENCE, "0123456789ab", "a.#")
    assert (compare.attributes[spans.FINGERPRINTS], compare.attributes[spans.VERDICT]) == (("0123456789ab",), "divergent")
    assert set(event.attributes) <= spans.ATTRIBUTES


def test_the_parts_of_a_shadow_lie_within_its_real_time():
    taken = Taken()
    traces(taken).ended(shadow(Verdict.MATCH, drawn=True))
    built = list(taken[0].spans())
    assert all(10**9 <= one.started_ns <= one.ended_ns <= 3 * 10**9 for one in built)
    assert taken[0].size == len(built)


def test_a_shadow_that_failed_says_why():
    taken = Taken()
    traces(taken).ended(shadow(None, drawn=True))
    *_, root = taken[0].spans()
    assert (root.attributes[spans.SHADOW_STATE], root.failed) == ("deadline", True)
