"""Writes small projects: a class that has to go, one that stays, files that use the first in many forms, and tests that observe each use.

A number always gives the same project. The names are drawn too, so that nothing can depend on the words of one project.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from string import Template
from textwrap import dedent
from typing import Final

from tests.migration.codemod import checks, patches, uses

NOUNS: Final = ("Repository", "Client", "Gateway", "Mailer", "Parser", "Engine", "Storage")


@dataclass(frozen=True)
class Use:
    """One use of the class: the text of a consumer, of its tests, and of further files."""

    name: str
    at_import: bool  #: the class is needed while the module is imported
    plain: bool  #: the consumer names the class without a dot
    code: str
    files: Mapping[str, str]
    test: str


@dataclass(frozen=True)
class Form:
    """A form of import: its lines, the class as they name it, and where it may stand."""

    lines: str
    named: str
    inside: bool = False  #: only in a file of the class's own package
    lazy: bool = False  #: in a function
    whence: str = "$M"  #: the module that a function or a dotted name takes the class from


@dataclass(frozen=True)
class Piece:
    """A consumer with its tests. `files`: the files that it consists of, besides those that all pieces share."""

    uses: tuple[str, ...]
    test: str
    files: frozenset[str]


@dataclass(frozen=True)
class Project:
    """The files of a project by path, and its pieces."""

    seed: int
    files: Mapping[str, str]
    pieces: tuple[Piece, ...]


def read_uses(text: str) -> tuple[Use, ...]:
    """Return the uses that a text describes."""
    found = []
    for part in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        code, *sections = re.split(r"^-- ", body, flags=re.MULTILINE)
        named = {name: content for name, _, content in (section.partition("\n") for section in sections)}
        found.append(Use(head.rstrip(" !."), "!" in head, head.endswith("."), code, named, named.pop("test")))
    return tuple(found)


GROUPS: Final = tuple(
    read_uses(text)
    for text in (
        uses.CALLS,
        uses.HANDED_ON,
        checks.TYPES,
        checks.HIDDEN,
        patches.PATCHES,
        patches.FIXTURES,
        patches.EXPORTS,
        patches.PROBES,
    )
)
USES: Final = tuple(use for group in GROUPS for use in group)

FORMS: Final = (
    Form("from $M import $L", "$L"),
    Form("from $M import $L", "$L"),
    Form("from $M import $L as Kind", "Kind"),
    Form("from $M import $L as $L", "$L"),
    Form("from $M import (\n    $L,  # old\n    $make,\n)", "$L"),
    Form("from $M import $make, $L; import os", "$L"),
    Form("from $M import $L\nfrom $TM import $T", "$L"),
    Form("from $TM import $T as Other\nfrom $M import $L", "$L"),
    Form("from $M import $L\nfrom $M import $L as Again", "Again"),
    Form("from $M import *", "$L"),
    Form("from .$leaf import $L", "$L", inside=True),
    Form("from . import $leaf", "$leaf.$L", inside=True),
    Form("import $M", "$M.$L"),
    Form("import $M as held", "held.$L"),
    Form("from $P import $leaf", "$leaf.$L"),
    Form("from $P import $leaf as held", "held.$L"),
    Form("from $compat import $L", "$L"),
    Form("from $P import $L", "$L"),
    Form("import $P", "$P.$L", whence="$P"),
    Form("from $P import *", "$L"),
    Form("from app.api import $L", "$L"),
    Form("from app.api import Renamed", "Renamed"),
    Form("from app import api", "api.$L", whence="app.api"),
    Form("from app.lazy import $L", "$L"),
    Form("try:\n    from $M import $L\nexcept ImportError:\n    $L = None", "$L"),
    Form("try:\n    from $M import $L\nexcept ImportError:\n    from $TM import $T as $L", "$L"),
    Form("if True:\n    from $M import $L\nelse:\n    $L = None", "$L"),
    Form("import sys\nif sys.version_info >= (3, 8):\n    from $M import $L\nelse:\n    from $compat import $L", "$L"),
    Form("from contextlib import suppress\nwith suppress(AttributeError):\n    from $M import $L", "$L"),
    Form("import importlib\n$L = importlib.import_module('$M').$L", "$L"),
    Form("import importlib\nheld = importlib.import_module('$M')", "held.$L"),
    Form("from importlib import import_module\n$L = getattr(import_module('$M'), '$L')", "$L"),
    Form("import $M as held\n$L = held.$L", "$L"),
    Form("from $M import $L\nKind = $L", "Kind"),
    Form("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from $M import $L\nfrom $M import $L", "$L"),
    Form("from $M import $L", "$L", lazy=True),
    Form("from $M import $L as Kind", "Kind", lazy=True),
    Form("import $M as held", "held.$L", lazy=True),
    Form("from $P import $leaf", "$leaf.$L", lazy=True),
    Form("from app.api import $L", "$L", lazy=True, whence="app.api"),
    Form("import importlib; $L = importlib.import_module('$M').$L", "$L", lazy=True),
)

_LEGACY: Final = '''
"""DEPRECATED: $TM has what stays."""
from dataclasses import dataclass
from $P.parts import Ticket
SEEN = []
@dataclass
class Options:
    limit: int = 3
class $L:
    """The old one."""
    LIMIT = 3
    def __init__(self, $a, $b=None):
        self.$a = $a
        self.$b = $b
    def $same(self, x):
        return (self.$b, self.$a, x)
    def $old(self):
        return {"of": self.$b}
    def $drop(self, item, $b=None):
        return ("kept", item)
    def $gone(self):
        return "gone"
def $make($a, $b):
    return $L($a, $b)
'''
_TARGET: Final = '''
class $T:
    """What stays."""
    LIMIT = 3
    def __init__(self, $b, $a):
        self.$a = $a
        self.$b = $b
    def $same(self, x):
        return (self.$b, self.$a, x)
    def $new(self):
        return {"of": self.$b}
    def $drop(self, item):
        return ("kept", item)
'''
_PARTS: Final = """
from dataclasses import dataclass
class Ticket:
    def __init__(self, number):
        self.number = number
@dataclass
class Settings:
    limit: int = 3
def keep(it):
    return it
"""
_FACTORY: Final = "from $TM import $T\nclass ${T}Factory:\n    def create(self, $b, $a) -> $T:\n        return $T($b, $a)\n"
_LAZY: Final = """
import importlib
_NAMES = {"$L": ("$M", "$L"), "Ticket": ("$P.parts", "Ticket")}
def __getattr__(name):
    if name not in _NAMES:
        raise AttributeError(name)
    module, attribute = _NAMES[name]
    return getattr(importlib.import_module(module), attribute)
"""
_RULES: Final = """
[tool.netra-migration.audit]
target = "$TM:$T"
factory = "$P.factory:${T}Factory"
classes = ["*$noun"]

[[tool.netra-migration.codemod.calls]]
old = "$M:$L($a, $b)"
new = "$made"

[[tool.netra-migration.codemod.calls]]
old = "$M:$L.$old()"
new = "{self}.$new()"

[[tool.netra-migration.codemod.calls]]
old = "$M:$L.$drop(item, $b=...)"
new = "{self}.$drop({item})"

[[tool.netra-migration.codemod.calls]]
old = "$M:$make($a, $b)"
new = "$made"

[tool.netra-migration.codemod.names]
"$M:Options" = "$P.parts:Settings"
"""


class _Drawer:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - examples, not secrets
        self.words = self._words()

    def one(self, of: Sequence[str]) -> str:
        return self.random.choice(of)

    def _words(self) -> dict[str, str]:
        noun, package = self.one(NOUNS), self.one(["shop", "depot", "lib"])
        leaf = self.one(["legacy", "old_one", f"{noun.lower()}s", "v1"])
        here, target = self.one([package, f"{package}.inner"]), self.one([f"{package}.target", f"{package}.new.main"])
        a, b = self.one(["registry user", "pool owner", "bus tenant"]).split()
        words = {"noun": noun, "P": here, "leaf": leaf, "M": f"{here}.{leaf}", "TM": target, "a": a, "b": b, "compat": f"{here}.compat"}
        words |= {"L": self.one(["", "Order", "Basic"]) + noun, "T": self.one(["Scoped", "User"]) + noun}
        words |= {"same": self.one(["run", "fetch"]), "old": self.one(["stats", "totals"]), "drop": self.one(["push", "store"])}
        words |= {"new": f"user_{words['old']}", "gone": self.one(["reset", "flush"]), "make": self.one(["make", f"make_{noun.lower()}"])}
        words["made"] = self.one([f"{target}:$T({{{b}}}, {{{a}}})", f"{target}:$T({{{b}}}, {here}.parts:keep({{{a}}}))"])
        return {key: Template(value).safe_substitute(words) for key, value in words.items()}

    def fill(self, text: str, **more: str) -> str:
        return Template(text).substitute({**self.words, **more}).lstrip("\n")


def project(seed: int, pieces: int = 3, only: Sequence[Use] = USES, forms: Sequence[Form] = FORMS) -> Project:
    """Return the project of this number. `only`: the uses, and `forms`: the imports that its consumers may have."""
    draw = _Drawer(seed)
    words = draw.words
    files = {"pyproject.toml": draw.fill(_RULES), "app/__init__.py": "", f"{_path(words['M'])}": draw.fill(_LEGACY)}
    for module in (words["P"], words["TM"]):
        parts = module.split(".")
        files |= {f"{'/'.join(parts[:end])}/__init__.py": "" for end in range(1, len(parts))}
    files |= {_path(f"{words['P']}.parts"): draw.fill(_PARTS), _path(f"{words['P']}.factory"): draw.fill(_FACTORY)}
    files[_path(words["TM"])] = draw.fill(_TARGET)
    files[f"{words['P'].replace('.', '/')}/__init__.py"] = ""
    shared: dict[str, str] = {}
    made = tuple(_piece(draw, str(number), files, shared, only=only, forms=forms) for number in range(1, pieces + 1))
    return Project(seed, {**files, **shared}, made)


def _path(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _shared(draw: _Drawer, form: Form, shared: dict[str, str]) -> set[str]:
    """Add the files that a form of import needs; return their paths."""
    needed = {}
    words = draw.words
    if "$compat" in form.lines:
        needed[_path(words["compat"])] = draw.fill('"""The old place."""\nfrom $M import $L\n__all__ = ["$L"]\n')
    if re.search(r"(from|import) \$P\b(?! import \$leaf)", form.lines):
        needed[f"{words['P'].replace('.', '/')}/__init__.py"] = draw.fill('from $M import $L\n__all__ = ["$L"]\n')
    if "api" in form.lines:
        needed["app/api.py"] = draw.fill('from $M import $L\nfrom $M import $L as Renamed\n__all__ = ("$L", "Renamed")\n')
    if "app.lazy" in form.lines:
        needed["app/lazy.py"] = draw.fill(_LAZY)
    shared |= needed
    return set(needed)


def _piece(
    draw: _Drawer, number: str, files: dict[str, str], shared: dict[str, str], *, only: Sequence[Use], forms: Sequence[Form]
) -> Piece:
    words = draw.words
    form = draw.random.choice(forms)
    in_tests = draw.random.choice([item for item in FORMS if not (item.inside or item.lazy)])
    fitting = [use for use in only if not ((form.lazy and use.at_import) or ("." in form.named and use.plain))]
    uses = draw.random.sample(fitting, min(draw.random.choice([1, 1, 1, 2, 3]), len(fitting)))
    path = f"{words['P']}.c{number}" if form.inside else f"app.c{number}"
    named, lines = draw.fill(form.named), draw.fill(form.lines)
    is_bound = not form.lazy and named.isidentifier()
    more = {
        "C": named,
        "R": named.partition(".")[0],
        "D": draw.fill(in_tests.named),
        "imp": draw.fill(in_tests.lines),
        "path": path,
        "hidden": _hidden(named),
        "whereM": path if is_bound else draw.fill(form.whence),
        "whereN": named if is_bound else words["L"],
        "where": f"{path}.{named}" if is_bound else f"{draw.fill(form.whence)}.{words['L']}",
    }
    how, more["m"] = draw.random.choice([(f"import {path} as it", "it"), (f"import {path}", path)])
    own = {_path(path)}
    code = [] if form.lazy else [lines]
    tests = [how]
    for index, use in enumerate(uses):
        more["n"] = f"{number}{index}"
        code.append(draw.fill(_placed(use.code, lines if form.lazy else ""), **more))
        tests.append(draw.fill(use.test, **more))
        for name, text in use.files.items():
            other = draw.fill(name, **more)
            files[other] = draw.fill(text, **more)
            own.add(other)
    test = f"tests/test_c{number}.py"
    files[_path(path)] = "\n".join(code)
    files[test] = "\n".join(tests)
    own |= {test, *_shared(draw, form, shared), *(_shared(draw, in_tests, shared) if any("$imp" in use.test for use in uses) else ())}
    return Piece((form.lines, *(use.name for use in uses)), test, frozenset(own))


def _placed(code: str, lines: str) -> str:
    """Return the code with the import of a function in its place."""
    return re.sub(r"^( *)\$here\n", lambda match: f"{match[1]}{lines}\n" if lines else "", code, flags=re.MULTILINE)


def _hidden(named: str) -> str:
    """Return an expression for the first name, such that the whole one is a function that can be recognised."""
    inner = 'lambda *args: ("hidden", *args)'
    for part in reversed(named.split(".")[1:]):
        inner = f"NS({part}={inner})"
    return f"({inner})"


def described(given: Project) -> str:
    """Return the project as one text, for the message of a failure."""
    return dedent("\n".join(f"=== {path}\n{text}" for path, text in sorted(given.files.items()) if not path.endswith("__init__.py")))
