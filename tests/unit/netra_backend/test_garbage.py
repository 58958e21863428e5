"""No collection of garbage pauses a server for long, and what a server leaves out of them needs none."""

import gc
import math
import weakref

import pytest

from netra_backend.app.garbage import LONG_S, Garbage


class Watched:
    """A watcher with a clock of its own."""

    def __init__(self) -> None:
        self.now, self.frozen = 0.0, 0
        self.garbage = Garbage(lambda: self.now, self.freeze)

    def freeze(self) -> None:
        self.frozen += 1

    def collect(self, generation: int, took_s: float) -> None:
        self.garbage.collected("start", {"generation": generation})
        self.now += took_s
        self.garbage.collected("stop", {"generation": generation})


@pytest.mark.parametrize(("generation", "took_s", "frozen"), [(2, 2 * LONG_S, 1), (2, LONG_S / 2, 0), (1, 1.0, 0), (0, 1.0, 0)])
def test_only_what_survived_a_long_full_collection_is_left_out(generation: int, took_s: float, frozen: int) -> None:
    watched = Watched()
    watched.now = 7.0
    watched.collect(generation, took_s)
    assert watched.frozen == frozen


def test_a_server_leaves_out_what_it_started_with_until_it_stops() -> None:
    before, threshold, garbage = gc.get_freeze_count(), gc.get_threshold(), Garbage()
    try:
        garbage.start()
        assert gc.get_freeze_count() > before
        assert garbage.collected in gc.callbacks
        assert math.prod(gc.get_threshold()) < math.prod(threshold)
    finally:
        garbage.stop()
        garbage.stop()
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, threshold)
    assert garbage.collected not in gc.callbacks


def test_a_server_collects_again_when_its_start_did_not() -> None:
    garbage = Garbage()
    gc.disable()
    try:
        garbage.start()
        assert gc.isenabled()
    finally:
        garbage.stop()
        gc.enable()


class Thing:
    """Something that a server keeps."""


def test_what_is_left_out_is_freed_with_its_last_reference() -> None:
    garbage, thing = Garbage(), Thing()
    kept = weakref.ref(thing)
    garbage.start()
    try:
        del thing
        assert kept() is None
    finally:
        garbage.stop()
