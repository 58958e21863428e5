"""Recording never changes the run: whatever fails in it is reported, and the journal is truncated."""

import pytest

from migration.effects.journals.journal import Journal, JournalLimits
from migration.effects.journals.unfailing import UnfailingJournal


@pytest.fixture
def made():
    journal, failed = Journal(clock=lambda: 0.0, limits=JournalLimits()), []
    return UnfailingJournal(journal, lambda operation, error: failed.append((operation, type(error)))), journal, failed


def ask(record, **more):
    return record.ask("model", "m", "", b"{}", **more)


def test_what_can_be_recorded_is_in_the_journal(made):
    record, journal, failed = made
    record.answer(ask(record), b"1")
    record.fail(ask(record), ValueError("x"))
    asked = ask(record, streamed=True)
    record.stream(asked, b"2")
    record.end_stream(asked, whole=True)
    first, second, third = journal.close()
    assert (first.reply, second.error.type, second.error.message) == (b"1", "ValueError", "x")
    assert b"2" in third.reply
    assert (failed, journal.truncated) == ([], False)


@pytest.mark.parametrize("step", ["ask", "answer", "stream", "end_stream", "fail"])
def test_a_step_that_fails_is_reported_and_truncates_the_journal(made, monkeypatch, step):
    record, journal, failed = made

    def broken(*_args, **_more):
        raise RuntimeError("broken")

    asked = ask(record, streamed=step in {"stream", "end_stream"})
    monkeypatch.setattr(Journal, step, broken)
    steps = {
        "ask": lambda: ask(record),
        "answer": lambda: record.answer(asked, b"1"),
        "stream": lambda: record.stream(asked, b"1"),
        "end_stream": lambda: record.end_stream(asked, whole=True),
        "fail": lambda: record.fail(asked, ValueError("x")),
    }
    assert steps[step]() is None
    assert (failed, journal.truncated) == ([("effects.record", RuntimeError)], True)


def test_a_report_that_fails_itself_does_not_reach_the_run(monkeypatch):
    def broken(*_args):
        raise RuntimeError("broken")

    record = UnfailingJournal(Journal(clock=broken, limits=JournalLimits()), broken)
    assert ask(record) is None
