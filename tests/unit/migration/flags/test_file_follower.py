"""A flag file is followed however people replace it, and what cannot be read is said and looked at again."""

import os
import threading

import pytest

from migration.flags.intake.intake import FlagIntake
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.sources.file import FlagFile
from tests.unit.migration.flags.making import at, flag_file

NEVER_S = 3600.0


class Looked:
    """An intake that a flag file feeds when a test says so."""

    def __init__(self, path, poll_s=NEVER_S):
        self.intake = FlagIntake("file:flags.json", ("chat",))
        self.ready = threading.Event()
        self.processor = FlagFile(path, poll_s=poll_s).processor(None, self.intake, self.ready)
        self.processor.start()

    def look(self):
        self.processor._follower.look()

    @property
    def stage(self):
        with FlagEvaluator.of(self.intake.data) as evaluator:
            return evaluator.stage("chat", Tenant(tenant_id="acme")).stage


@pytest.fixture
def path(tmp_path):
    return tmp_path / "flags.json"


@pytest.fixture
def looked(path):
    started = []

    def start(**options):
        started.append(Looked(path, **options))
        return started[-1]

    yield start
    for one in started:
        one.processor.stop()


def in_place(path, content):
    path.write_bytes(content)


def replaced(path, content):
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def through_a_link(path, content):
    shared = path.with_name("shared.json")
    shared.write_bytes(content)
    path.unlink(missing_ok=True)
    path.symlink_to(shared)


def as_a_config_map(path, content):
    """Swap the folder that `..data` leads to, as the kubelet does."""
    folders = path.parent / "volume"
    folders.mkdir(exist_ok=True)
    version = folders / f"..{len(list(folders.iterdir()))}"
    version.mkdir()
    (version / "flags.json").write_bytes(content)
    swap = folders / "..data_tmp"
    swap.symlink_to(version.name)
    swap.replace(folders / "..data")
    if not path.is_symlink():
        path.symlink_to(folders / "..data" / "flags.json")


@pytest.mark.parametrize("write", [in_place, replaced, through_a_link, as_a_config_map])
def test_each_way_to_change_the_file_is_seen_also_back_to_a_lower_version(path, looked, write):
    write(path, flag_file(at("shadow", version=5)))
    seen = looked()
    stages = [seen.stage]
    for flag in (at("live", version=6), at("shadow", version=2)):
        write(path, flag_file(flag))
        seen.look()
        stages.append(seen.stage)
    assert (stages, seen.intake.status().version, seen.intake.status().up) == (["shadow", "live", "shadow"], 2, True)


def test_a_change_is_noticed_by_itself(path, looked):
    in_place(path, flag_file(at("shadow")))
    seen, changed = looked(poll_s=0.01), threading.Event()
    seen.intake.on_change(changed.set)
    replaced(path, flag_file(at("live", version=2)))
    assert changed.wait(20)
    assert seen.stage == "live"


def gone(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def a_link_to_nowhere(path):
    path.unlink()
    path.symlink_to("nowhere")


def a_link_to_itself(path):
    path.unlink()
    path.symlink_to(path)


def half_written(path):
    path.write_bytes(path.read_bytes()[:200])


def empty(path):
    path.write_bytes(b"")


SPOILED = {
    gone: "it does not exist",
    a_folder: "it is not a file",
    a_pipe: "it is not a file",
    a_link_to_nowhere: "it does not exist",
    a_link_to_itself: "it cannot be read",
    half_written: "it ends too early|is not JSON at line",
    empty: "it is empty",
}


@pytest.mark.parametrize(("spoil", "words"), SPOILED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_cannot_be_read_is_said_and_the_last_known_flags_hold_until_it_is_whole_again(path, looked, spoil, words):
    in_place(path, flag_file(at("complete")))
    seen = looked()
    spoil(path)
    seen.look()
    status = seen.intake.status()
    assert (seen.stage, status.up) == ("complete", False)
    assert any(part in status.error for part in words.split("|"))
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    in_place(path, flag_file(at("rampdown", version=2)))
    seen.look()
    assert (seen.stage, seen.intake.status().error) == ("rampdown", None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_was_given_to_somebody_else_counts_as_soon_as_it_can_be_read(path, looked):
    in_place(path, flag_file(at("shadow")))
    seen = looked()
    os.chown(path, 1000, 1000)
    path.chmod(0o600)
    seen.look()
    assert (seen.stage, seen.intake.status().up, path.stat().st_uid) == ("shadow", True, 1000)


def test_a_file_that_is_too_large_is_not_read(path, looked):
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    assert "it is larger than 64 MiB" in looked().intake.status().error


def test_the_client_is_not_kept_waiting_by_a_missing_file(looked):
    seen = looked()
    assert (seen.ready.is_set(), seen.processor.initialized()) == (True, False)


def test_a_look_that_finds_nothing_new_reads_nothing(path, looked, monkeypatch):
    in_place(path, flag_file(at("shadow")))
    seen = looked()
    monkeypatch.setattr("migration.flags.sources.file.read_flag_data", lambda _raw: 1 / 0)
    seen.look()
    assert seen.intake.status().up
