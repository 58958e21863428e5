"""The last known flags survive a restart, whole or not at all."""

import json

import pytest

from migration.flags.intake.snapshot import Snapshot
from migration.flags.meaning.data import FlagData
from tests.unit.migration.flags.making import at

DATA = FlagData(
    flags={"execution-engine-chat": at("live"), "gone": {"version": 2, "deleted": True}}, segments={"s": {"key": "s", "version": 1}}
)


@pytest.fixture
def snapshot(tmp_path):
    return Snapshot(tmp_path / "snapshots", "file:flags.json")


def test_what_was_kept_is_what_is_loaded(snapshot):
    snapshot.keep(DATA)
    loaded = snapshot.load()
    assert (dict(loaded.flags), dict(loaded.segments)) == (dict(DATA.flags), dict(DATA.segments))


def test_there_is_nothing_before_something_was_kept(snapshot):
    assert snapshot.load() is None


def test_it_is_readable_by_its_owner_alone(snapshot):
    snapshot.keep(DATA)
    assert (snapshot.path.stat().st_mode & 0o777, snapshot.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_another_source_gets_nothing(snapshot, tmp_path):
    snapshot.keep(DATA)
    other = Snapshot(tmp_path / "snapshots", "file:others.json")
    snapshot.path.rename(other.path)
    assert (other.load(), snapshot.load()) == (None, None)


DAMAGE = {
    "empty": lambda raw: b"",
    "half": lambda raw: raw[: len(raw) // 2],
    "one value changed": lambda raw: raw.replace(b'"on": true', b'"on": false'),
    "true became 1": lambda raw: raw.replace(b'"on": true', b'"on": 1'),
    "a flag left out": lambda raw: json.dumps({**json.loads(raw), "flags": {}}).encode(),
    "no object": lambda raw: b"[]",
    "other types": lambda raw: json.dumps({**json.loads(raw), "flags": 3}).encode(),
    "not text": lambda raw: b"\xff\xfe\xfd",
    "of another format": lambda raw: json.dumps({**json.loads(raw), "format": 2}).encode(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_snapshot_is_not_used_and_said_so(snapshot, caplog, damage):
    snapshot.keep(DATA)
    snapshot.path.write_bytes(damage(snapshot.path.read_bytes()))
    assert (snapshot.load(), "is not used" in caplog.text) == (None, True)


def test_one_that_cannot_be_written_leaves_the_one_before(snapshot, monkeypatch):
    snapshot.keep(DATA)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        snapshot.keep(FlagData())
    assert dict(snapshot.load().flags) == dict(DATA.flags)
    assert [path.name for path in snapshot.path.parent.iterdir()] == [snapshot.path.name]
