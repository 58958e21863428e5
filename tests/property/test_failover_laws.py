"""Failover over random programs of both engines: whatever fails wherever, the client's stream is clean and nothing is done twice."""

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.migration.failover.programs import Ask, Engine, FatalError, Outside, Pieces, Say, Served, Step, faults_of


@st.composite
def agents(draw: st.DrawFn, name: str) -> list[Step]:
    """One agent's part, as its contract wants it: begun, thoughts that rise, closed calls, done. Nothing is asked for twice."""
    steps: list[Step] = [Say("begun", name)]
    for number in range(draw(st.integers(0, 4))):
        match draw(st.sampled_from(["thought", "model", "look", "pay", "silent look", "pieces", "part"])):
            case "thought":
                steps.append(Say("thought", name, step=number + 1))
            case "model":
                steps.append(Ask("m", kind="model", lane=name, request=f"{name}{number}"))
            case "pieces":
                steps.append(Pieces(request=f"{name}{number}", most=draw(st.sampled_from([1, 99]))))
            case "part":
                steps.append(Say("part", name))
            case "silent look":
                steps.append(Ask("look", lane=name, request=f"{name}{number}"))
            case tool:
                lane = f"{name}/{tool}#{number}"
                steps += [Say("calling", lane), Ask(tool, lane=name, request=f"{name}{number}"), Say("called", lane)]
    return [*steps, Say("done", name, status="completed")]


@st.composite
def engines(draw: st.DrawFn) -> tuple[list[Step], list[Step]]:
    """The programs of a candidate, and of a control that does the same or something else, says things twice, and leaves some out."""
    candidate = [step for name in ("chooser", "helper") for step in draw(agents(name))]
    control = candidate if draw(st.booleans()) else [step for name in ("chooser", "helper") for step in draw(agents(name))]
    doubled = [step for step in control for _ in range(2 if isinstance(step, Say) and draw(st.booleans()) else 1)]
    return candidate, [step for step in doubled if not (isinstance(step, Say) and step.kind == "called" and draw(st.booleans()))]


@given(
    programs=engines(),
    at=st.integers(0, 30),
    way=st.sampled_from(["stop", "hang", ValueError, TimeoutError, FatalError, asyncio.CancelledError]),
)
def test_the_stream_is_clean_and_nothing_is_done_twice(programs, at, way):
    candidate, control = programs
    at = min(at, len(candidate))
    outside = Outside()
    how = way if isinstance(way, str) else way()
    served = Served(Engine(outside, candidate, at, how), Engine(outside, control))
    error = asyncio.run(served.run())

    assert faults_of(served.got) == []
    assert error is not None or served.kinds[-1] == "done"
    assert len(served.results) <= 1
    assert (served.results in ([], ["saved"])) == (error is None)
    # What hung gave no answer; a stream that was left has no more to give: both may be asked for again. All else is done once.
    again = {(step.name, step.request) for step in candidate if isinstance(step, Pieces) and step.most == 1}
    again |= {
        (step.name, step.request) for step in candidate[at : at + 1] if isinstance(step, Ask) and step.name != "pay" and how == "hang"
    }
    assert {what for what, times in outside.done.items() if times > 1} <= again
    performed = Counter(what for what in outside.done if what[0] == "pay")
    assert all(outside.done[what] == 1 for what in performed)
