"""A class method that both classes inherit makes an instance by their constructors."""

import pytest

BASE = """
class BaseExecutionEngine:
    @classmethod
    def from_file(cls, path): return cls(path)
"""
TARGET = """
from shop.base import BaseExecutionEngine
class UserExecutionEngine(BaseExecutionEngine):
    def __init__({}): ...
    def stats(self): ...
"""
LEGACY = """
from shop.base import BaseExecutionEngine
class FileExecutionEngine(BaseExecutionEngine):
    def __init__(self, path): ...
    def stats(self): ...
"""
USE = """
from shop.files import FileExecutionEngine
engine = FileExecutionEngine.from_file("x")
"""


@pytest.mark.parametrize(("parameters", "is_left"), [("self, path", False), ("self, context, agents", True)])
def test_a_class_method_moves_only_if_both_classes_are_made_alike(rewrite, parameters, is_left):
    others = {"shop/base.py": BASE, "shop/target.py": TARGET.format(parameters), "shop/files.py": LEGACY}
    done = rewrite(USE, others)
    assert done.is_left == is_left
    assert any("from_file is inherited from BaseExecutionEngine" in line for line in done.advice) == is_left
