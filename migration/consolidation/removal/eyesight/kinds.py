"""The kinds of hidden users of an engine that are planted. Each kind is defined by the files of such a user."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Files = Mapping[str, str]
"""Name -> text. The last file is the user, which the audit has to see; the others only help it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedEngine:
    """The engine that a planted user uses."""

    module: str  #: its dotted name
    name: str  #: its class

    @property
    def package(self) -> str:
        """The dotted name of the engine's package; for a top-level module, the module's own name."""
        return self.module.rpartition(".")[0] or self.module

    def fill(self, text: str) -> str:
        """Return the text with the names of this engine."""
        for word, value in (
            ("MODULE", self.module),
            ("PACKAGE", self.package),
            ("STEM", self.module.rpartition(".")[2]),
            ("NAME", self.name),
        ):
            text = text.replace(word, value)
        return text


Plant = Callable[[UsedEngine, str, str], Files]
"""Takes the engine, the beginning of the files' names, and the dots of a relative import ("" in a folder that is not a package)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenUser:
    """A kind of user that is easily overlooked."""

    kind: str
    plant: Plant
    visible: bool = True  #: whether an audit has to see it; False: its names exist only at run time


def _file(text: str, ending: str = ".py") -> Plant:
    return lambda engine, name, _: {name + ending: engine.fill(text)}


def _subclass(engine: UsedEngine, name: str, dots: str) -> Files:
    return {
        f"{name}_offer.py": engine.fill('from MODULE import NAME as Offered\n\n__all__ = ["Offered"]\n'),
        f"{name}.py": f"from {dots}{name}_offer import Offered\n\n\nclass Planted(Offered):\n    pass\n",
    }


_LAZY: Final = """
import importlib

_TABLE = {"Planted": ("MODULE", "NAME")}


def __getattr__(name):
    module, attribute = _TABLE[name]
    return getattr(importlib.import_module(module), attribute)
"""
_ANNOTATION: Final = """
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from MODULE import NAME


def use(engine: "NAME") -> None:
    engine.begin()
"""
_NOTEBOOK: Final = '{"cells": [{"cell_type": "code", "source": ["from MODULE import NAME\\n", "NAME()"]}], "nbformat": 4}\n'
_SEARCH: Final = """
import importlib
import pkgutil

import PACKAGE as package

use = [importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)]
"""

HIDDEN_USERS: Final = (
    HiddenUser(kind="import under another name", plant=_file("from MODULE import NAME as Other\n\nuse = Other()\n")),
    HiddenUser(kind="import in a function", plant=_file("def use():\n    import MODULE as late\n\n    return late.NAME()\n")),
    HiddenUser(kind="star import", plant=_file("from MODULE import *\n\nuse = NAME()\n")),
    HiddenUser(kind="import for types only", plant=_file(_ANNOTATION)),
    HiddenUser(kind="attribute of a package", plant=_file("import PACKAGE as package\n\nuse = package.STEM.NAME()\n")),
    HiddenUser(kind="subclass of a re-export", plant=_subclass),
    HiddenUser(kind="import_module", plant=_file('import importlib\n\nuse = getattr(importlib.import_module("MODULE"), "NAME")\n')),
    HiddenUser(kind="table of lazy imports", plant=_file(_LAZY)),
    HiddenUser(kind="target of a patch", plant=_file('from unittest import mock\n\nuse = mock.patch("MODULE.NAME")\n')),
    HiddenUser(kind="list of plugins", plant=_file('CELERY_IMPORTS = ("json", "MODULE")\n')),
    HiddenUser(kind="entry point in configuration", plant=_file('[project.entry-points."engines"]\nplanted = "MODULE:NAME"\n', ".toml")),
    HiddenUser(kind="notebook", plant=_file(_NOTEBOOK, ".ipynb")),
    HiddenUser(kind="shell script", plant=_file("#!/bin/sh\nexec python -m MODULE\n", ".sh")),
    HiddenUser(
        kind="name put together at run time",
        plant=_file('import importlib\n\nPLACE = "PACKAGE"\nuse = importlib.import_module(f"{PLACE}.STEM")\n'),
        visible=False,
    ),
    HiddenUser(
        kind="name from the environment",
        plant=_file('import importlib\nimport os\n\nuse = importlib.import_module(os.environ["ENGINE"])\n'),
        visible=False,
    ),
    HiddenUser(kind="search of a package", plant=_file(_SEARCH), visible=False),
)
"""The kinds that an audit has to see, and after them the kinds that no audit can see: such a user fails in a process that runs without
control.
"""
