"""Whom the guard of a process trusts."""

import contextlib
import socket
import threading

import pytest

from migration.effects.journals.guard import Guard


def reach():
    with contextlib.suppress(Exception), socket.socket() as reaching:
        reaching.connect(("127.0.0.1", 9))


def run_and_wait(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    return thread.ident


def test_a_thread_that_gets_the_identifier_of_a_trusted_one_that_ended_is_not_trusted():
    over = threading.Event()
    trusted = threading.Thread(target=over.wait, args=(20,))
    trusted.start()
    guard = Guard()
    over.set()
    trusted.join(20)
    with guard.sealed() as refused:
        idents = [run_and_wait(reach) for _ in range(20)]
    if trusted.ident not in idents:
        pytest.skip("this system gave the identifier to no later thread")
    assert refused == ["socket.connect"] * 20


def test_a_thread_that_was_there_before_the_guard_may_reach_the_outside():
    asked, done = threading.Event(), threading.Event()

    def work():
        asked.wait(20)
        reach()
        done.set()

    threading.Thread(target=work).start()
    with Guard().sealed() as refused:
        asked.set()
        assert done.wait(20)
    assert refused == []
