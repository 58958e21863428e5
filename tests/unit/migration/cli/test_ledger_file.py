"""An entry is added to a ledger; everything else in the file stays as a person wrote it."""

from datetime import date

import pytest

from migration.cli.ledger_file import NewEntry, add_entry, write_whole
from migration.errors import ConfigurationError, LedgerError

TODAY = date(2026, 1, 15)
FINGERPRINT = "0123456789ab"


def entry(**more):
    given = {"fingerprint": FINGERPRINT, "reason": "worded anew", "owner": "ann", "expires": date(2026, 2, 1), "issue": None, **more}
    return NewEntry(**given)


def add(path, **more):
    return add_entry(path, entry(**more), name="worded", today=TODAY)


def test_a_first_entry_makes_the_ledger_and_its_folder(tmp_path):
    added = add(tmp_path / "ledger" / "chat.toml")
    assert (added.id, added.owner) == ("worded", "ann")
    assert (tmp_path / "ledger" / "chat.toml").read_text().startswith("# Accepted divergences.")


def test_what_was_written_before_stays_with_its_comments(tmp_path):
    file = tmp_path / "chat.toml"
    add(file, fingerprint="f" * 12)
    file.write_text("# ours\n" + file.read_text())
    before = file.read_text()
    assert add(file).id == "worded-2"
    assert file.read_text().startswith(before.rstrip("\n"))


@pytest.mark.parametrize(
    ("more", "why"), [({"expires": date(2026, 1, 14)}, "is in the past"), ({}, "already accepts"), ({"expires": None}, "already accepts")]
)
def test_an_entry_that_cannot_hold_is_refused_and_nothing_is_written(tmp_path, more, why):
    file = tmp_path / "chat.toml"
    add(file)
    before = file.read_text()
    with pytest.raises(ConfigurationError, match=why):
        add(file, **more)
    assert file.read_text() == before


def test_an_entry_without_a_last_day_is_permanent(tmp_path):
    add(tmp_path / "chat.toml", expires=None)
    assert "permanent = true" in (tmp_path / "chat.toml").read_text()


def test_a_ledger_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be written"):
        add(tmp_path / "file" / "chat.toml")


def test_a_file_is_replaced_as_a_whole_with_its_permissions(tmp_path):
    file = tmp_path / "a"
    file.write_text("old")
    file.chmod(0o640)
    write_whole(file, "new")
    assert (file.read_text(), file.stat().st_mode & 0o777, [path.name for path in tmp_path.iterdir()]) == ("new", 0o640, ["a"])
