"""The comparison of two recorded streams against DeepDiff on the whole streams: both from the same encoded records to a verdict."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec
from deepdiff import DeepDiff

from migration.comparison.compare import compare
from migration.comparison.policy import default_policy
from migration.model import Comparison, Origin, RunRecord, Stage, Verdict, encode
from tests.benchmarks.measuring import Measured, against, alone, beside, typical_us
from tests.benchmarks.streams import Said, frames, record

_decode = msgspec.msgpack.Decoder(RunRecord).decode
_POLICY = default_policy("chat")


def ours(control: bytes, candidate: bytes) -> Comparison:
    """Decode both records and compare them, under the surface's policy as a worker keeps it."""
    return compare(_decode(control), _decode(candidate), stage=Stage.SHADOW, serving=Origin.CONTROL, policy=_POLICY)


def deepdiff(control: bytes, candidate: bytes) -> object:
    """Decode both records and all of their frames, and compare these as whole lists."""
    first, second = ([msgspec.json.decode(event.payload) for event in _decode(run).events] for run in (control, candidate))
    return DeepDiff(first, second)


def _pairs() -> Iterator[tuple[str, list[Said], Verdict]]:
    """Yield what candidate says beside control's 200 events, and the verdict without which a time would mean nothing."""
    yield "identical", frames(10), Verdict.MATCH
    yield "other times and ids", frames(10, 1), Verdict.MATCH
    one_leaf = frames(10)
    one_leaf[99][1]["payload"]["result"]["final_answer"] = "Use the large model."
    yield "one changed leaf", one_leaf, Verdict.DIVERGENT
    whole = frames(10)
    yield "one missing event", [*whole[:101], *whole[102:]], Verdict.DIVERGENT


def run() -> dict[str, Measured]:
    """Measure pairs of 200 events beside DeepDiff, what a worker compares, and how the cost grows to 10,000 events."""
    control = encode(record(Origin.CONTROL, frames(10)))
    measured: dict[str, Measured] = {}
    for name, said, verdict in _pairs():
        candidate = encode(record(Origin.CANDIDATE, said))
        mine, peer = _calls(control, candidate, verdict)
        value, peer_value, ratio = against(mine, peer, calls=40, peer_calls=1)
        measured[f"comparison, 200 events, {name}"] = beside(value, "us", "DeepDiff, whole streams", peer_value, ratio)
    job = encode(record(Origin.CONTROL, frames(2), 10)), encode(record(Origin.CANDIDATE, frames(2, 1), 10))
    mine, _ = _calls(*job, Verdict.MATCH)
    measured["comparison, 40 events and 10 effects"] = alone(typical_us(mine, calls=200), "us")
    return measured | _growth()


def _calls(control: bytes, candidate: bytes, verdict: Verdict) -> tuple[Callable[[], Comparison], Callable[[], object]]:
    found = ours(control, candidate)
    if found.verdict is not verdict or found.reasons:
        raise SystemExit(
            f"the verdict is {found.verdict.value} {[*map(str, found.reasons)]}, not {verdict.value}, so the time would mean nothing"
        )
    return lambda: ours(control, candidate), lambda: deepdiff(control, candidate)


def _growth() -> dict[str, Measured]:
    """Return the cost of an event at 10,000 events, beside that at 1,000: a ratio near 1 is linear growth.

    What does not fit into the processor's cache costs more however it is gone through, so msgspec's decoding of the same records, which
    goes over the bytes once, is measured beside it.
    """
    measured: dict[str, Measured] = {}
    for name, drop in (("other times and ids", None), ("one missing event", 101)):
        pairs = [_pair(agents, drop) for agents in (500, 50)]
        verdict = Verdict.MATCH if drop is None else Verdict.DIVERGENT
        large, small = (_calls(*pair, verdict)[0] for pair in pairs)
        measured[f"comparison, 10,000 events, {name}: an event"] = _grown(large, small)
    large, small = (partial(_decoded, pair) for pair in (_pair(500, None), _pair(50, None)))
    measured["decoding alone, 10,000 events, other times and ids: an event"] = _grown(large, small)
    return measured


def _pair(agents: int, drop: int | None) -> tuple[bytes, bytes]:
    said = frames(agents, 1)
    if drop is not None:
        del said[drop]
    return encode(record(Origin.CONTROL, frames(agents))), encode(record(Origin.CANDIDATE, said))


def _decoded(pair: tuple[bytes, bytes]) -> object:
    return [_decode(each) for each in pair]


def _grown(large: Callable[[], object], small: Callable[[], object]) -> Measured:
    value, peer_value, ratio = against(large, small, calls=2, peer_calls=20)
    return beside(value / 10_000, "us", "an event of 1,000", peer_value / 1_000, ratio * 10)
