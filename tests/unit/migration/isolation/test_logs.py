import asyncio
import logging

import pytest

from migration.isolation import taped_logs
from migration.isolation.logs import LogTape

logger = logging.getLogger(__name__)


def lines(tape: LogTape) -> list[str]:
    return tape.lines


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
    assert tape.lines[0].startswith("failed\nTraceback")
    assert "of somebody else" in tape.lines[0]


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
        return tape.lines

    async def say(name: str) -> None:
        logger.warning("%s speaks", name)

    assert await asyncio.gather(run("ann"), run("bob")) == [["ann speaks"], ["bob speaks"]]


def test_beyond_the_limit_lines_are_counted_and_the_reason_says_so():
    with taped_logs() as tape:
        logger.warning("x" * 2**19)
        logger.warning("x" * 2**20)
        logger.warning("y")
    assert len(tape.lines) == 1
    assert tape.reasons == ("2 log lines of the shadow were not scanned for other tenants' data",)


def test_a_line_that_cannot_be_formatted_is_counted_and_raises_nothing(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with taped_logs() as tape:
        logger.warning("%d", "no number")
    assert tape.reasons != ()
    assert tape.lines == []


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
    assert tape.lines == []
