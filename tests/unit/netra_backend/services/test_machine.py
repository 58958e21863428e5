"""What a process has left: tried or measured, and told with what to do."""

import errno
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.services.machine import Machine, memory_of_process


def test_a_machine_that_has_everything_is_ok_and_keeps_no_file(tmp_path: Path) -> None:
    assert Machine(tmp_path, lambda: None).state() == {"home": "ok", "descriptors": "ok", "memory": "ok"}
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_gone_is_told(tmp_path: Path) -> None:
    assert Machine(tmp_path / "gone", lambda: None).state()["home"] == "the folder is missing; mount it, or create it"


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "mount it for writing"),
        (errno.EACCES, "owner and mode"),
        (errno.EBADF, "EBADF"),
    ],
)
def test_a_home_that_cannot_be_written_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: int, says: str
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(failure, "no")

    monkeypatch.setattr(os, "write", refuse)
    assert says in Machine(tmp_path, lambda: None).state()["home"]
    assert list(tmp_path.iterdir()) == []


def test_without_descriptors_it_says_so(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(name) for name in os.listdir("/proc/self/fd")}  # noqa: PTH208 - the descriptors themselves
    third_free = [number for number in range(soft) if number not in taken][2]  # the limit is on numbers, and some below are free
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (third_free, hard))
        assert "no descriptors are left" in Machine(tmp_path, lambda: None).state()["descriptors"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert Machine(tmp_path, lambda: None).state()["descriptors"] == "ok"


@pytest.mark.parametrize(("used", "says"), [(94, "ok"), (95, "95% of the memory limit is used; raise the limit, or run more processes")])
def test_memory_near_its_limit_is_told(tmp_path: Path, used: int, says: str) -> None:
    assert Machine(tmp_path, lambda: (used, 100)).state()["memory"] == says


def test_the_memory_of_this_process_is_measured_where_there_is_a_limit() -> None:
    measured = memory_of_process()
    assert measured is None or 0 < measured[0] <= measured[1]
