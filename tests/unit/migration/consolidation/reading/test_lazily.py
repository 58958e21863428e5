"""A module-level `__getattr__` passes names on, in whatever form it looks them up."""

import ast

import pytest

from migration.consolidation.reading.lazily import lazy_names


@pytest.mark.parametrize(
    "body",
    [
        "if name == 'Engine':\n        from shop.legacy import Engine\n        return Engine",
        "if 'Engine' == name:\n        from shop import legacy\n        return legacy.Engine",
        "if name == 'Engine':\n        import shop.legacy\n        return shop.legacy.Engine",
        "if name == 'Engine':\n        import shop.legacy as old\n        return old.Engine",
        "if name in {'Engine', 'Other'}:\n        return getattr(importlib.import_module('shop.legacy'), name)",
        "if name in NAMES:\n        module = importlib.import_module('shop.legacy')\n        return getattr(module, name)",
        "if name == 'x' or name == 'Engine':\n        from shop import legacy\n        return getattr(legacy, name)",
        "match name:\n        case 'Engine' | 'Old':\n            from shop.legacy import Engine\n            return Engine",
        "try:\n        if name == 'Engine':\n            from shop.legacy import Engine as E\n            return E\n    finally: pass",
    ],
)
def test_a_branch_leads_to_its_module(body):
    tree = ast.parse(f"import importlib\nNAMES = ('Engine',)\ndef __getattr__(name):\n    {body}\n    raise AttributeError(name)\n")
    found = {value.replace(":", ".") for name, value in lazy_names(tree) if name == "Engine"}
    assert found == {"shop.legacy.Engine"}


def test_a_relative_module_keeps_its_dots():
    tree = ast.parse("def __getattr__(name):\n    if name == 'Engine':\n        from .legacy import Engine\n        return Engine\n")
    assert list(lazy_names(tree)) == [("Engine", ".legacy:Engine")]
