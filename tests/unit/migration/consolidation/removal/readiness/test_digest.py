"""The digest of a surface changes with all that its certificate rests on, and with nothing else."""

import shutil

import pytest

from migration.consolidation.removal.digest import digests
from migration.errors import UnknownSurfaceError


@pytest.mark.parametrize(
    ("path", "added"),
    [
        ("pkg/engine.py", "\n"),
        ("pkg/controls/chat.py", "\n"),
        ("ledger/chat.toml", "\n"),
        ("pkg/user_engine.py", "from pkg.engine import ExecutionEngine\n"),
        ("pkg/new.py", "import pkg.engine\n"),
        ("pkg/offers/__init__.py", "from pkg.engine import ExecutionEngine\n"),
        ("pkg/patching.py", 'NAME = "pkg.engine.ExecutionEngine"\n'),
        ("settings.yaml", "engine: pkg.engine.ExecutionEngine\n"),
        ("pkg/flag.py", 'KEY = "execution-engine-chat"\n'),
    ],
)
def test_whatever_a_certificate_rests_on_changes_the_digest(tree, path, added):
    before = tree.digest()
    if (tree.root / path).exists():
        tree.append(path, added)
    else:
        tree.write(path, added)
    assert tree.digest() != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("days = 14", "days = 13"),
        ("0.02", "0.03"),
        ('"pkg/engine.py"', '"pkg/engine.py", "pkg/other.py"'),
        ('target = "pkg', 'exclude = ["pkg/new.py"]\ntarget = "pkg'),
    ],
)
def test_so_do_the_rules_that_it_was_given_by(tree, old, new):
    before = tree.digest()
    text = (tree.root / "pyproject.toml").read_text(encoding="utf-8")
    assert old in text
    tree.write("pyproject.toml", text.replace(old, new))
    assert tree.digest() != before


def test_a_removed_engine_changes_the_digest(tree):
    before = tree.digest()
    (tree.root / "pkg/engine.py").unlink()
    assert tree.digest() != before


@pytest.mark.parametrize(
    ("path", "added"),
    [
        ("pkg/user_engine.py", "# faster\n"),
        ("tests/test_engine.py", "from pkg.engine import ExecutionEngine as Again\n"),
        ("pkg/tool_engine.py", "# another surface\n"),
        ("docs/flags.md", "`execution-engine-chat`\n"),
        ("README.txt", "about engines\n"),
    ],
)
def test_nothing_else_does(tree, path, added):
    before = tree.digest()
    if (tree.root / path).exists():
        tree.append(path, added)
    else:
        tree.write(path, added)
    assert tree.digest() == before


def test_another_surface_can_be_removed_in_between(tree):
    before = tree.digest()
    for path in ("pkg/tool_engine.py", "pkg/controls/tools.py"):
        (tree.root / path).unlink()
    text = (tree.root / "pyproject.toml").read_text(encoding="utf-8")
    tree.write("pyproject.toml", text.partition("[tool.netra-migration.removal.surfaces.tools]")[0])
    assert tree.digest() == before


def test_a_copy_elsewhere_has_the_same_digest(tree, tmp_path):
    copy = tmp_path / "elsewhere" / "clone"
    shutil.copytree(tree.root, copy)
    assert digests(copy, tree.manifest, ["chat"])["chat"] == tree.digest()


def test_an_unknown_surface_is_refused(tree):
    with pytest.raises(UnknownSurfaceError):
        tree.digest("chta")
