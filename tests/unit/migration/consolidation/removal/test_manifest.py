"""What a manifest of removal says, and what is wrong with one."""

from pathlib import Path

import pytest

from migration.consolidation.removal.manifest import load_manifest
from migration.errors import ConfigurationError, UnknownSurfaceError

REPOSITORY = Path(__file__).parents[5]
CHAT = """
[tool.netra-migration.removal.surfaces.chat]
engines = ["app/engine.py"]
adapter = "app/controls/chat.py"
ledger = "ledger/chat.toml"
"""


def manifest_of(folder: Path, text: str):
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return load_manifest(folder)


def test_a_manifest_names_the_parts_of_each_surface_and_has_defaults(tmp_path):
    manifest = manifest_of(tmp_path, CHAT)
    assert (manifest.of("chat").engines, manifest.days, manifest.public_keys) == (("app/engine.py",), 14, ())


def test_an_unknown_surface_is_told_with_those_that_are_known(tmp_path):
    with pytest.raises(UnknownSurfaceError, match="chat"):
        manifest_of(tmp_path, CHAT).of("chta")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no table"),
        ("[[", "cannot be read"),
        ("[tool.netra-migration.removal]\ndays = 0\n" + CHAT, "1 or more"),
        ("[tool.netra-migration.removal]\nmax-divergence = 1.0\n" + CHAT, "between 0 and 1"),
        ("[tool.netra-migration.removal]\nday = 3\n" + CHAT, "day"),
        (CHAT.replace("adapter", "adaptor"), "adaptor"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(tmp_path, text, told):
    with pytest.raises(ConfigurationError, match=told):
        manifest_of(tmp_path, text)


def test_every_part_that_this_repository_names_exists():
    manifest = load_manifest(REPOSITORY)
    paths = [path for parts in manifest.surfaces.values() for path in (*parts.engines, parts.adapter, parts.ledger)]
    assert paths
    assert [path for path in paths if not (REPOSITORY / path).is_file()] == []
