"""Uses of a class, each with a form of import, that the codemod rewrote wrongly once: kept as examples of `test_codemod_laws`."""

from typing import Final

FROM: Final = "from $M import $L"
AS: Final = "from $M import $L as Kind"
PLAIN: Final = "import $M"
HELD: Final = "import $M as held"
PACKAGE: Final = "import $P"
LEAF: Final = "from $P import $leaf"
STAR: Final = "from $P import *"
FALLBACK: Final = "try:\n    from $M import $L\nexcept ImportError:\n    from $TM import $T as $L"
CHECKED: Final = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from $M import $L\nfrom $M import $L"

KEPT: Final = (
    ("made", CHECKED),
    ("perhaps none", CHECKED),
    ("method held", FROM),
    ("method by getattr", FROM),
    ("method by operator", HELD),
    ("cast", FROM),
    ("by global", HELD),
    ("is a subclass", FROM),
    ("compared", LEAF),
    ("key of a dictionary", FROM),
    ("key of a dictionary", FALLBACK),
    ("dispatched", FROM),
    ("is exactly this type", FALLBACK),
    ("is an instance from another file", "import importlib\n$L = importlib.import_module('$M').$L"),
    ("annotated and looked at", HELD),
    ("annotated and looked at", STAR),
    ("in a doctest", FROM),
    ("class in a doctest", PACKAGE),
    ("rebound for a time", PACKAGE),
    ("rebound for a time", "from $M import $L\nKind = $L"),
    ("rebound for a time", "from $M import *"),
    ("fixture of another file", FROM),
    ("fixture of the tests", PACKAGE),
    ("patched by decorator", STAR),
    ("patched by string", LEAF),
    ("patched and called by its old method", FROM),
    ("patched with a return value", FROM),
    ("patched and asserted", AS),
    ("patched by object", "from app.api import Renamed"),
    ("patched by object and asserted", PACKAGE),
    ("patched by monkeypatch", PLAIN),
    ("patched old method by string", FROM),
    ("patched method of the class", FROM),
    ("patched method by monkeypatch", FROM),
    ("in all", PLAIN),
    ("in all", "if True:\n    from $M import $L\nelse:\n    $L = None"),
    ("in all", STAR),
    ("in all", "from app.lazy import $L"),
    ("in all by a sum", LEAF),
    ("taken from globals", "from $M import *"),
    ("taken by another file", LEAF),
    ("looked up in the loaded modules", AS),
)
