"""The modules that a file may import are found in its text, in every form of an import statement."""

import pytest

from migration.consolidation.codemod.read.named_modules import named_modules
from migration.consolidation.sources.modules import ModuleNames


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("import app.core, lib as l\n", {"app.core", "lib"}),
        ("from app.core import engine\n", {"app.core", "app.core.engine"}),
        ("from . import engine\n", {"app.sub", "app.sub.engine"}),
        ("from ..lib import (\n    engine,\n    other,\n)\n", {"app.lib", "app.lib.engine", "app.lib.other"}),
        ("def f():\n    from app.core import engine\n", {"app.core", "app.core.engine"}),
        ("from app.core import \\\n    engine\n", {"app.core", "app.core.engine"}),
    ],
)
def test_each_form_of_an_import_names_its_modules(tmp_path, text, named):
    modules = ModuleNames(tmp_path, ["app/__init__.py", "app/sub/__init__.py", "app/sub/use.py"], (".",))
    assert set(named_modules(text.encode(), "app/sub/use.py", modules)) >= named


def test_a_text_without_an_import_names_none(tmp_path):
    assert not list(named_modules(b"x = 'from app'\n", "use.py", ModuleNames(tmp_path, ["use.py"], (".",))))
