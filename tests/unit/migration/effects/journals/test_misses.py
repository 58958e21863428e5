"""The miss policy `allow`: what is not on record is performed only if it is a declared tool, and never beyond the budget."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.effects import perform, perform_now
from migration.effects.journals.misses import BLOCK, MissPolicy
from migration.effects.journals.replaying import ReplayJournal
from migration.effects.ports import activate, deactivate
from migration.errors import EffectMissingError, ReadTimeoutError
from migration.model import Effect, EffectKind

READS = frozenset({"usage_summary", "price_lookup"})


@dataclass
class Tools:
    """Answers each call with its name, and remembers it."""

    called: list[str] = field(default_factory=list)
    error: Exception | None = None

    async def call(self, name: str) -> bytes:
        self.called.append(name)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return b'"%s"' % name.encode()


def allow(budget: int = 3) -> MissPolicy:
    return MissPolicy(read_only=READS, budget=budget)


async def ask(journal: ReplayJournal, tools: Tools, name: str = "usage_summary", *, kind: EffectKind = "tool", number: int = 0) -> bytes:
    token = activate(journal)
    try:
        return await perform(kind, name, lane="data", request=b'{"n":%d}' % number, call=lambda: tools.call(name))
    finally:
        deactivate(token)


async def test_a_declared_read_is_performed_counted_as_missing_and_marked() -> None:
    journal, tools = ReplayJournal([], misses=allow()), Tools()
    assert await ask(journal, tools) == b'"usage_summary"'
    tally = journal.tally
    assert (tally.replayed, tally.missing, tally.performed, tally.permitted) == (0, 1, 1, 1)
    assert [(effect.reply, effect.performed_by_shadow) for effect in journal.close()] == [(b'"usage_summary"', True)]


async def test_what_is_on_record_is_answered_from_it_all_the_same() -> None:
    recorded = Effect(
        kind="tool",
        name="usage_summary",
        lane="data",
        key="",
        request=b'{"n":0}',
        reply=b'"recorded"',
        error=None,
        started_s=0.0,
        duration_s=0.0,
    )
    journal, tools = ReplayJournal([recorded], misses=allow()), Tools()
    assert await ask(journal, tools) == b'"recorded"'
    assert (tools.called, journal.close()[0].performed_by_shadow) == ([], False)


@pytest.mark.parametrize(
    ("policy", "kind", "name"),
    [
        (BLOCK, "tool", "usage_summary"),
        (allow(), "tool", "save_action_plan"),
        (allow(), "model", "usage_summary"),
        (allow(), "clock", "usage_summary"),
        (allow(), "id", "usage_summary"),
        (allow(budget=0), "tool", "usage_summary"),
    ],
)
async def test_whatever_else_is_missing_is_refused(policy: MissPolicy, kind: EffectKind, name: str) -> None:
    journal, tools = ReplayJournal([], misses=policy), Tools()
    with pytest.raises(EffectMissingError):
        await ask(journal, tools, name, kind=kind)
    assert (tools.called, journal.tally.missing, journal.tally.performed) == ([], 1, 0)


def test_an_effect_that_needs_no_waiting_is_never_performed() -> None:
    journal, tools = ReplayJournal([], misses=allow()), Tools()
    token = activate(journal)
    try:
        with pytest.raises(EffectMissingError):
            perform_now("tool", "usage_summary", lane="data", request=b"{}", call=lambda: tools.called.append("") or b"")  # type: ignore[func-returns-value]
    finally:
        deactivate(token)
    assert tools.called == []


async def test_after_the_end_of_the_run_nothing_is_performed() -> None:
    journal, tools = ReplayJournal([], misses=allow()), Tools()
    journal.close()
    with pytest.raises(EffectMissingError):
        await ask(journal, tools)
    assert (tools.called, journal.tally.performed) == ([], 0)


async def test_the_budget_holds_for_calls_side_by_side() -> None:
    journal, tools = ReplayJournal([], misses=allow(budget=3)), Tools()
    ends = await asyncio.gather(*(ask(journal, tools, number=number) for number in range(20)), return_exceptions=True)
    assert sum(isinstance(end, EffectMissingError) for end in ends) == 17
    assert len(tools.called) == journal.tally.performed == journal.tally.permitted == 3
    assert journal.tally.missing == 20


@given(
    asks=st.lists(st.tuples(st.sampled_from(["usage_summary", "price_lookup", "save_action_plan"]), st.integers(0, 2)), max_size=12),
    budget=st.integers(0, 4),
)
def test_a_tool_with_side_effects_is_never_called_and_every_call_is_counted(asks: list[tuple[str, int]], budget: int) -> None:
    journal, tools = ReplayJournal([], misses=allow(budget)), Tools()

    async def all_at_once() -> None:
        await asyncio.gather(*(ask(journal, tools, name, number=number) for name, number in asks), return_exceptions=True)

    asyncio.run(all_at_once())
    effects = journal.close()
    assert set(tools.called) <= READS
    assert len(tools.called) == journal.tally.performed == min(budget, sum(name in READS for name, _ in asks))
    assert journal.tally.missing == len(asks)
    assert sum(effect.performed_by_shadow for effect in effects) == len(tools.called)
    assert all(effect.performed_by_shadow or (effect.error and effect.error.type == "EffectMissingError") for effect in effects)


async def test_a_read_that_fails_fails_in_the_run_and_is_on_record() -> None:
    journal, tools = ReplayJournal([], misses=allow()), Tools(error=ValueError("no such model"))
    with pytest.raises(ValueError, match="no such model"):
        await ask(journal, tools)
    [effect] = journal.close()
    assert effect.error is not None
    assert (effect.error.type, effect.performed_by_shadow, journal.tally.performed) == ("ValueError", True, 1)


async def test_a_read_that_is_given_up_is_a_missing_effect_that_was_performed() -> None:
    async def give_up(_call: Callable[[], Awaitable[bytes]]) -> bytes:
        raise ReadTimeoutError(2.0)

    journal, tools = ReplayJournal([], misses=MissPolicy(read_only=READS, budget=1, perform=give_up)), Tools()
    with pytest.raises(EffectMissingError, match=r"no reply in 2 s"):
        await ask(journal, tools)
    [effect] = journal.close()
    assert effect.error is not None
    assert (effect.error.type, journal.tally.missing, journal.tally.performed) == ("EffectMissingError", 1, 1)


async def test_a_read_that_the_runs_end_overtakes_is_counted_and_unanswered() -> None:
    journal, begun = ReplayJournal([], misses=allow()), asyncio.Event()

    async def hang() -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    async def engine() -> None:
        activate(journal)
        await perform("tool", "usage_summary", lane="data", request=b"{}", call=hang)

    task = asyncio.create_task(engine())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [effect] = journal.close()
    assert effect.error is not None
    assert (effect.error.type, journal.tally.performed) == ("CancelledError", 1)
