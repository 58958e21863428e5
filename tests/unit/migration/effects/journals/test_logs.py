import asyncio
import logging

import pytest

from migration.effects.journals.log_tape import LogTape
from migration.effects.journals.logs import tape_served_logs, taped_logs
from migration.effects.journals.recording import Recording
from migration.effects.ports import activate, deactivate
from migration.model import RunLog

logger = logging.getLogger(__name__)


def lines(tape: LogTape) -> list[str]:
    return list(tape.log().lines)


def test_a_line_is_kept_as_it_reads():
    with taped_logs() as tape:
        logger.warning("%s of %s", 1, "two")
    assert lines(tape) == ["1 of two"]


def test_texts_that_are_logged_beside_the_message_are_kept():
    with taped_logs() as tape:
        logger.warning("done", extra={"user": "ann", "count": 3})
    assert lines(tape) == ["done\nann"]


def test_a_traceback_is_kept_and_left_off_the_record(caplog):
    with taped_logs() as tape:
        try:
            int("of somebody else")
        except ValueError:
            logger.exception("failed")
    assert lines(tape)[0].startswith("failed\nTraceback")
    assert "of somebody else" in lines(tape)[0]


def test_lines_of_others_are_not_taken():
    with taped_logs() as outer:
        logger.warning("mine")
        with taped_logs() as inner:
            logger.warning("theirs")
    logger.warning("after")
    assert (lines(outer), lines(inner)) == (["mine"], ["theirs"])


async def test_runs_side_by_side_are_kept_apart_and_tasks_belong_to_their_run():
    together = asyncio.Barrier(2)

    async def run(name: str) -> list[str]:
        with taped_logs() as tape:
            await together.wait()
            await asyncio.create_task(say(name))
            await together.wait()
        return lines(tape)

    async def say(name: str) -> None:
        logger.warning("%s speaks", name)

    assert await asyncio.gather(run("ann"), run("bob")) == [["ann speaks"], ["bob speaks"]]


def test_beyond_the_limit_lines_are_counted():
    with taped_logs() as tape:
        logger.warning("x" * 2**19)
        logger.warning("x" * 2**20)
        logger.warning("y")
    assert (len(tape.log().lines), tape.log().lost) == (1, 2)


def test_a_line_that_cannot_be_formatted_is_counted_and_raises_nothing(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with taped_logs() as tape:
        logger.warning("%d", "no number")
    assert tape.log() == RunLog(lines=(), lost=1)


def test_without_handlers_warnings_are_still_printed(monkeypatch, capsys):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    with taped_logs():
        logger.warning("seen")
    assert capsys.readouterr().err == "seen\n"
    assert root.handlers == []


@pytest.mark.parametrize("quiet", [logging.DEBUG])
def test_a_line_that_nobody_writes_is_no_leak(quiet):
    with taped_logs() as tape:
        logger.log(quiet, "below the logger's level")
    assert lines(tape) == []


@pytest.fixture
def taping():
    """Served logs are taped, until the end of the test."""
    root = logging.getLogger()
    before = list(root.handlers)
    tape_served_logs()
    yield
    root.handlers[:] = before


def logged(tape: Recording) -> tuple[str, ...]:
    return () if tape.log is None else tape.log.lines


@pytest.mark.usefixtures("taping")
async def test_a_served_runs_lines_are_on_its_recording_and_nobody_elses(request_, drive):
    together, tapes = asyncio.Barrier(2), [Recording(request_) for _ in range(2)]

    async def speak(name: str) -> None:
        await together.wait()
        await asyncio.create_task(say(name))
        await asyncio.to_thread(logger.warning, "%s in a thread", name)
        await together.wait()

    async def say(name: str) -> None:
        logger.warning("%s speaks", name)

    await asyncio.gather(*(drive(tape, lambda name=name: speak(name)) for tape, name in zip(tapes, ("ann", "bob"), strict=True)))
    assert [logged(tape) for tape in tapes] == [("ann speaks", "ann in a thread"), ("bob speaks", "bob in a thread")]


@pytest.mark.usefixtures("taping")
async def test_a_second_call_tapes_no_line_twice(request_, drive):
    tape_served_logs()
    tape = Recording(request_)

    async def speak() -> None:
        logger.warning("once")

    await drive(tape, speak)
    assert logged(tape) == ("once",)


@pytest.mark.usefixtures("taping")
async def test_a_run_that_logs_nothing_has_no_log(request_, drive):
    tape = Recording(request_)

    async def silent() -> None:
        logger.debug("below the logger's level")

    await drive(tape, silent)
    assert tape.log is None


@pytest.mark.usefixtures("taping")
async def test_what_is_logged_outside_the_engine_and_after_the_end_is_none_of_the_runs(request_, drive):
    tape, left_behind = Recording(request_), asyncio.Event()
    tasks = []

    async def late() -> None:
        await left_behind.wait()
        logger.warning("after the end")

    async def leave_a_task() -> None:
        tasks.append(asyncio.create_task(late()))

    logger.warning("before")
    await drive(tape, leave_a_task)
    left_behind.set()
    await asyncio.gather(*tasks)
    assert tape.log is None


@pytest.mark.usefixtures("taping")
@pytest.mark.parametrize(("message", "times", "kept"), [("x", 1001, 1000), ("x" * 2**17, 3, 2)])
def test_a_served_runs_log_is_bounded_and_says_how_much_is_lost(request_, message, times, kept):
    tape = Recording(request_)
    token = activate(tape)
    for _ in range(times):
        logger.warning(message)
    deactivate(token)
    assert (len(tape.log.lines), tape.log.lost) == (kept, 1)


@pytest.mark.usefixtures("taping")
def test_a_line_that_a_served_run_cannot_format_disturbs_nobody(request_, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    tape = Recording(request_)
    token = activate(tape)
    logger.warning("%d", "no number")
    deactivate(token)
    assert tape.log == RunLog(lines=(), lost=1)


def test_taping_served_logs_takes_no_warning_off_the_screen(request_, monkeypatch, capsys):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    tape_served_logs()
    token = activate(tape := Recording(request_))
    logger.warning("seen")
    logger.info("not seen")
    deactivate(token)
    assert (capsys.readouterr().err, logged(tape)) == ("seen\n", ("seen",))


def test_taping_served_logs_waits_for_no_lock():
    handlers = logging.getLogger().handlers
    before = list(handlers)
    handlers.clear()  # another test of this process may have put it there
    tape_served_logs()
    added = list(handlers)
    handlers[:] = before
    assert [handler.lock for handler in added] == [None]
