"""Rows that only link to what goes are removed from tables of contents."""

import pytest

from migration.consolidation.removal.apply.documents import cut_rows

GOING = {"docs/old.md", "docs/adr/1.md"}


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("| [old](old.md) | x |", False),
        ("- [old](./old.md#part), [one](adr/1.md)", False),
        ("* [old](../docs/old.md)", False),
        ("- [old](old.md) and [new](new.md)", True),
        ("- no link to old.md", True),
        ("See [old](old.md).", True),
        ("- [old](https://example.com/old.md)", True),
    ],
)
def test_a_row_goes_if_all_its_links_do(line, kept):
    assert (cut_rows("docs/README.md", f"{line}\n".encode(), GOING) != b"") is kept
