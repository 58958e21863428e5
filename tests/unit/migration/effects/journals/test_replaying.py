import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.effects import perform, perform_now
from migration.effects.journals.journal import UNANSWERED, JournalLimits
from migration.effects.journals.recording import Recording
from migration.effects.journals.replaying import ReplayJournal
from migration.effects.ports import activate, deactivate
from migration.errors import EffectMissingError, RecordedEffectError
from migration.model import Effect, EffectError, Origin, RunRequest


class ToolFailedError(Exception):
    pass


def effect(
    request: bytes | None = b"{}",
    reply: bytes | None = b"1",
    *,
    lane: str = "data",
    kind: str = "tool",
    name: str = "look",
    error: EffectError | None = None,
    duration_s: float = 0.0,
) -> Effect:
    return Effect(
        kind=kind,  # type: ignore[arg-type]  # a closed set; tests pass its members
        name=name,
        lane=lane,
        key="",
        request=request,
        reply=reply,
        error=error,
        started_s=0.0,
        duration_s=duration_s,
    )


async def must_not_be_called() -> bytes:
    raise AssertionError("a shadow performs no effect")


async def look(journal: ReplayJournal, request: bytes = b"{}", *, lane: str = "data", kind: str = "tool", name: str = "look") -> bytes:
    token = activate(journal)
    try:
        return await perform(kind, name, lane=lane, request=request, call=must_not_be_called)  # type: ignore[arg-type]  # as above
    finally:
        deactivate(token)


async def test_the_recorded_reply_comes_back_and_nothing_is_called() -> None:
    journal = ReplayJournal([effect(b'{"a":1,"b":2}', b'"answer"')])
    assert await look(journal, b'{"b":2, "a":1}') == b'"answer"'
    assert (journal.tally.replayed, journal.tally.performed) == (1, 0)


async def test_an_effect_that_is_not_in_the_journal_is_refused_not_performed() -> None:
    journal = ReplayJournal([effect(b'{"q":1}')])
    with pytest.raises(EffectMissingError):
        await look(journal, b'{"q":2}')
    assert journal.tally.missing == 1
    assert journal.tally.unused == 1
    assert [asked.error and asked.error.type for asked in journal.close()] == ["EffectMissingError"]


async def test_asking_once_more_than_recorded_is_refused() -> None:
    journal = ReplayJournal([effect()])
    await look(journal)
    with pytest.raises(EffectMissingError):
        await look(journal)


async def test_a_recorded_failure_fails_again_with_its_type() -> None:
    journal = ReplayJournal([effect(reply=None, error=EffectError(type="ToolFailedError", message="no rows"))])
    with pytest.raises(RecordedEffectError) as raised:
        await look(journal)
    assert (raised.value.error_type, raised.value.message) == ("ToolFailedError", "no rows")


async def test_an_effect_recorded_without_reply_or_error_is_a_failure() -> None:
    with pytest.raises(RecordedEffectError, match="RecordingError"):
        await look(ReplayJournal([effect(reply=None)]))


async def test_an_effect_that_was_never_answered_keeps_its_caller_waiting() -> None:
    journal = ReplayJournal([effect(reply=None, error=EffectError(type=UNANSWERED, message=""))])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await look(journal)
    assert [asked.error and asked.error.type for asked in journal.close()] == [UNANSWERED]


async def test_models_of_an_imported_recording_answer_in_sequence_in_their_lane() -> None:
    journal = ReplayJournal(
        [effect(None, reply, kind="model", name="recorded", lane=lane) for reply, lane in ((b"1", "a"), (b"2", "b"), (b"3", "a"))]
    )
    replies = [await look(journal, b'{"n":%d}' % number, kind="model", name="live", lane=lane) for number, lane in enumerate("aab")]
    assert replies == [b"1", b"3", b"2"]


async def test_tools_of_an_imported_recording_answer_by_name_and_arguments() -> None:
    journal = ReplayJournal(
        [effect(b'{"arguments":{"m":"x"},"name":"look"}', b'"x"'), effect(b'{"arguments":{"m":"y"},"name":"look"}', b'"y"')]
    )
    assert await look(journal, b'{"name":"look","arguments":{"m":"y"}}') == b'"y"'


async def test_the_clock_and_new_ids_are_answered_too() -> None:
    journal = ReplayJournal([effect(kind="clock", name="now", reply=b'"monday"')])
    token = activate(journal)
    try:
        assert perform_now("clock", "now", lane="data", request=b"{}", call=lambda: b'"today"') == b'"monday"'
    finally:
        deactivate(token)


async def test_with_recorded_pacing_a_reply_takes_as_long_as_it_did() -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    await look(ReplayJournal([effect(duration_s=1.5)], pacing="recorded", sleep=sleep))
    await look(ReplayJournal([effect(duration_s=1.5)], pacing="none", sleep=sleep))
    assert slept == [1.5, 0.0]


async def test_after_the_end_of_the_run_effects_are_refused_and_not_counted() -> None:
    journal = ReplayJournal([effect()])
    asked = journal.close()
    with pytest.raises(EffectMissingError):
        await look(journal)
    assert (journal.close(), journal.tally.replayed, journal.tally.missing) == (asked, 0, 0)


async def test_a_run_that_asks_without_end_is_refused_and_marked() -> None:
    journal = ReplayJournal([effect(), effect()], limits=JournalLimits(effects=1))
    await look(journal)
    with pytest.raises(EffectMissingError):
        await look(journal)
    assert journal.truncated


async def test_a_call_of_the_outside_during_a_replay_would_be_counted() -> None:
    class Careless(ReplayJournal):
        async def perform(self, kind, name, *, lane, request, call):
            return await call()

    journal = Careless([])
    with pytest.raises(AssertionError):
        await look(journal)
    assert journal.tally.performed == 1


Asks = list[tuple[str, int]]


@given(asks=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=12), data=st.data())
def test_any_interleaving_of_lanes_gives_each_ask_its_own_reply(asks: Asks, data: st.DataObject) -> None:
    """Lanes keep their own order, as branches of one program do; between lanes everything may change."""
    recorded = [effect(b'{"q":%d}' % question, b"%d" % number, lane=lane) for number, (lane, question) in enumerate(asks)]
    expected = {lane: [effect_.reply for effect_ in recorded if effect_.lane == lane] for lane in "abc"}

    async def replay(order: Sequence[str]) -> dict[str, list[bytes]]:
        journal = ReplayJournal(recorded)
        questions = {lane: iter([question for asked, question in asks if asked == lane]) for lane in "abc"}
        replies: dict[str, list[bytes]] = {lane: [] for lane in "abc"}
        for lane in order:
            replies[lane].append(await look(journal, b'{"q":%d}' % next(questions[lane]), lane=lane))
        assert journal.tally.unused == journal.tally.missing == 0
        return replies

    order = data.draw(st.permutations([lane for lane, _ in asks]))
    assert asyncio.run(replay(order)) == expected


@given(asks=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.booleans()), max_size=12))
def test_a_replay_of_a_recording_gives_the_same_replies_failures_and_journal(asks: list[tuple[str, int, bool]]) -> None:
    async def body() -> list[object]:
        seen: list[object] = []
        for number, (lane, question, fails) in enumerate(asks):

            async def call(number: int = number, *, fails: bool = fails) -> bytes:
                if fails:
                    raise ToolFailedError(f"{number}")
                return b"%d" % number

            try:
                seen.append(await perform("tool", "look", lane=lane, request=b'{"q":%d}' % question, call=call))
            except ToolFailedError as error:
                seen.append(("ToolFailedError", str(error)))
            except RecordedEffectError as error:
                seen.append((error.error_type, error.message))
        return seen

    async def both() -> None:
        request = RunRequest(surface="chat", tenant_id="t", user_id="u", thread_id="h", run_id="r", payload=b"{}", received_at=0.0)
        tape = Recording(request)
        token = activate(tape)
        live = await body()
        deactivate(token)
        recorded = tape.record(Origin.CONTROL, "completed", None, None).journal
        journal = ReplayJournal(recorded)
        token = activate(journal)
        assert await body() == live
        deactivate(token)
        pairs = zip(recorded, journal.close(), strict=True)
        types = [
            (one.request, one.reply, one.error and one.error.type) == (two.request, two.reply, two.error and two.error.type)
            for one, two in pairs
        ]
        assert all(types)

    asyncio.run(both())


@pytest.mark.parametrize(
    ("name", "caught_as"), [("ConnectionResetError", OSError), ("TimeoutError", TimeoutError), ("ToolFailedError", RecordedEffectError)]
)
async def test_a_recorded_failure_goes_by_its_name_and_is_caught_like_it(name: str, caught_as: type[Exception]) -> None:
    journal = ReplayJournal([effect(reply=None, error=EffectError(type=name, message="sorry"))])
    with pytest.raises(caught_as, match="sorry") as raised:
        await look(journal)
    assert isinstance(raised.value, RecordedEffectError)
    assert (type(raised.value).__name__, raised.value.error_type) == (name, name)


async def test_a_recorded_failure_that_takes_more_than_a_text_is_still_raised() -> None:
    journal = ReplayJournal([effect(reply=None, error=EffectError(type="UnicodeDecodeError", message="sorry"))])
    with pytest.raises(RecordedEffectError, match="UnicodeDecodeError: sorry"):
        await look(journal)


async def test_whoever_was_told_something_hears_it_before_an_effect_is_refused() -> None:
    journal, heard = ReplayJournal([]), []

    async def listen(told: asyncio.Event) -> None:
        await told.wait()
        heard.append("told")

    told = asyncio.Event()
    listener = asyncio.create_task(listen(told))
    await asyncio.sleep(0)
    told.set()
    with pytest.raises(EffectMissingError):
        await look(journal)
    assert heard == ["told"]
    await listener
