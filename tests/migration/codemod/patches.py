"""Further uses of a class that has to go, written as in `uses`: patches, fixtures, exports and imports that are looked at."""

PATCHES = """
== patched by string
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
def test_$n():
    with patch("$where") as fake:
        fake.return_value.$same.return_value = 5
        assert $m.f$n("r", "u") == 5
== patched by decorator
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
@patch("$where")
def test_$n(fake):
    fake.return_value.$same.return_value = 5
    assert $m.f$n("r", "u") == 5
== patched and called by its old method
def f$n(r, u):
    $here
    return $C(r, u).$old()
-- test
from unittest.mock import patch
def test_$n():
    with patch("$where") as fake:
        fake.return_value.$old.return_value = 5
        assert $m.f$n("r", "u") == 5
== patched with a return value
def f$n(r, u):
    $here
    return $C(r, u).$old()
-- test
from unittest.mock import MagicMock, patch
def test_$n():
    fake = MagicMock()
    fake.$old.return_value = 5
    with patch("$where", return_value=fake):
        assert $m.f$n("r", "u") == 5
== patched and asserted
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
def test_$n():
    with patch("$where") as fake:
        $m.f$n("r", "u")
    fake.assert_called_once_with("r", "u")
    fake.return_value.$same.assert_called_once_with(1)
== patched and looked at
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
def test_$n():
    with patch("$where") as fake:
        $m.f$n("r", "u")
    assert fake.call_args.args == ("r", "u")
    assert fake.mock_calls[0].args == ("r", "u")
== patched by started patcher
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
def test_$n():
    patcher = patch("$where")
    fake = patcher.start()
    try:
        $m.f$n("r", "u")
    finally:
        patcher.stop()
    fake.assert_called_once_with("r", "u")
== patched by object
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
import $whereM as holder
def test_$n():
    with patch.object(holder, "$whereN") as fake:
        fake.return_value.$same.return_value = 5
        assert $m.f$n("r", "u") == 5
== patched by object and asserted
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest import mock
import $whereM as holder
def test_$n():
    with mock.patch.object(holder, "$whereN") as fake:
        $m.f$n("r", "u")
    fake.assert_called_once_with("r", "u")
== patched many
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import DEFAULT, patch
def test_$n():
    with patch.multiple("$whereM", $whereN=DEFAULT) as fakes:
        fakes["$whereN"].return_value.$same.return_value = 5
        assert $m.f$n("r", "u") == 5
== patched by monkeypatch
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
class Fake:
    def __init__(self, $a, $b):
        self.it = ($a, $b)
    def $same(self, x):
        return "fake", self.it
def test_$n(monkeypatch):
    monkeypatch.setattr("$where", Fake)
    assert $m.f$n("r", "u") == ("fake", ("r", "u"))
== patched by monkeypatch on the module
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from types import SimpleNamespace as NS
import $whereM as holder
def test_$n(monkeypatch):
    monkeypatch.setattr(holder, "$whereN", lambda $a, $b: NS($same=lambda x: ("fake", $a, $b)))
    assert $m.f$n("r", "u") == ("fake", "r", "u")
== patched method by string
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
def test_$n():
    with patch("$M.$L.$same", return_value=5):
        assert $m.f$n("r", "u") == 5
== patched old method by string
def f$n(r, u):
    $here
    return $C(r, u).$old()
-- test
from unittest.mock import patch
def test_$n():
    with patch("$M.$L.$old", return_value=5):
        assert $m.f$n("r", "u") == 5
== patched method of the class
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
$imp
def test_$n():
    with patch.object($D, "$same", return_value=5):
        assert $m.f$n("r", "u") == 5
== patched method by monkeypatch
def f$n(r, u):
    $here
    return $C(r, u).$old()
-- test
$imp
def test_$n(monkeypatch):
    monkeypatch.setattr($D, "$old", lambda self: 5)
    assert $m.f$n("r", "u") == 5
== patched by a constant
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
WHERE$n = "$where"
def test_$n():
    with patch(WHERE$n) as fake:
        fake.return_value.$same.return_value = 5
        assert $m.f$n("r", "u") == 5
== patched by an f-string
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
MODULE$n = "$whereM"
def test_$n():
    with patch(f"{MODULE$n}.$whereN") as fake:
        fake.return_value.$same.return_value = 5
        assert $m.f$n("r", "u") == 5
== patched by a sum
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
def test_$n():
    with patch("$whereM" + ".$whereN") as fake:
        fake.return_value.$same.return_value = 5
        assert $m.f$n("r", "u") == 5
== patched by the name of the module
def f$n(r, u):
    $here
    return $C(r, u).$same(1)
-- test
from unittest.mock import patch
import $whereM as holder
def test_$n():
    with patch(holder.__name__ + ".$whereN") as fake:
        fake.return_value.$same.return_value = 5
        assert $m.f$n("r", "u") == 5
== mocked by its interface
def f$n(it):
    return it.$old()
-- test
from unittest.mock import Mock
$imp
def test_$n():
    fake = Mock(spec=$D)
    fake.$old.return_value = 5
    assert $m.f$n(fake) == 5
== mocked by autospec
def f$n(it):
    return it.$same(1)
-- test
from unittest.mock import create_autospec
$imp
def test_$n():
    fake = create_autospec($D, instance=True)
    fake.$same.return_value = 5
    assert $m.f$n(fake) == 5
"""

FIXTURES = """
== fixture of the tests
def f$n(it):
    return it.$old()
-- test
import pytest
$imp
@pytest.fixture
def made$n():
    return $D("r", "u")
def test_$n(made$n):
    assert $m.f$n(made$n) == {"of": "u"}
    assert made$n.$old() == {"of": "u"}
== fixture that yields
def f$n(it):
    return it.$same(1)
-- test
import pytest
$imp
@pytest.fixture
def made$n():
    made = $D("r", "u")
    yield made
    assert made.$old() == {"of": "u"}
def test_$n(made$n):
    assert made$n.$same(1) == ("u", "r", 1)
== fixture of another file
import pytest
@pytest.fixture
def made$n():
    $here
    return $C("r", "u")
-- test
from $path import made$n
def test_$n(made$n):
    assert made$n.$old() == {"of": "u"}
== parametrized
def f$n(kind):
    return kind("r", "u").$same(1)
-- test
import pytest
$imp
@pytest.mark.parametrize("kind", [$D, lambda r, u: $D(r, u)])
def test_$n(kind):
    assert $m.f$n(kind) == ("u", "r", 1)
== monkeypatched environment beside it
import os
def f$n(r):
    $here
    return $C(r, os.environ["WHO$n"]).$old()
-- test
def test_$n(monkeypatch):
    monkeypatch.setenv("WHO$n", "u")
    assert $m.f$n("r") == {"of": "u"}
"""

EXPORTS = """
== in all !
__all__ = ["$R"]
-- test
def test_$n():
    assert $m.__all__ and all(hasattr($m, name) for name in $m.__all__)
== in all by a variable !
NAMES$n = ["$R"]
__all__ = NAMES$n
-- test
def test_$n():
    assert $m.__all__ and all(hasattr($m, name) for name in $m.__all__)
== in all by a sum !
__all__ = ["$R"] + ["x$n"]
x$n = 1
-- test
def test_$n():
    assert $m.__all__ and all(hasattr($m, name) for name in $m.__all__)
== in all by append !
__all__ = []
__all__.append("$R")
-- test
def test_$n():
    assert $m.__all__ and all(hasattr($m, name) for name in $m.__all__)
== taken by name !
kept$n = $C
-- test
def test_$n():
    assert getattr($m, "kept$n").LIMIT == 3
== taken from globals !
kept$n = 1
def f$n():
    return globals()["$R"]
-- test
def test_$n():
    assert $m.f$n() is not None
== taken by another file !
kept$n = 1
-- app/other$n.py
from $path import $R
held = $R
-- test
import app.other$n
def test_$n():
    assert app.other$n.held is not None
== taken by star ! .
kept$n = 1
-- app/other$n.py
from $path import *
def f():
    return $C("r", "u").$old()
-- test
import app.other$n
def test_$n():
    assert app.other$n.f() == {"of": "u"}
== taken lazily
import importlib
_LAZY$n = {"Kind$n": ("$M", "$L")}
def __getattr__(name):
    if name in _LAZY$n:
        module, attribute = _LAZY$n[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(name)
-- app/other$n.py
def f():
    from $path import Kind$n
    return Kind$n("r", "u").$same(1)
-- test
import app.other$n
def test_$n():
    assert app.other$n.f() == ("u", "r", 1)
== imported for nothing !
kept$n = 1
-- test
def test_$n():
    assert $m.kept$n == 1
"""

PROBES = """
== probed
try:
    import $M
    HAS$n = True
except ImportError:
    HAS$n = False
-- test
def test_$n():
    assert $m.HAS$n is True
== probed for the name
try:
    from $M import $L as _probe
except ImportError:
    _probe = None
HAS$n = _probe is not None
def f$n():
    return _probe.__module__
-- test
def test_$n():
    assert $m.HAS$n is True
    assert $m.f$n()
== probed by its specification
from importlib.util import find_spec
def f$n():
    return find_spec("$M") is not None
-- test
def test_$n():
    assert $m.f$n() is True
== probed by suppress
from contextlib import suppress
HAS$n = False
with suppress(ImportError):
    import $M
    HAS$n = True
-- test
def test_$n():
    assert $m.HAS$n is True
== imported by name
from importlib import import_module
def f$n(r, u):
    return import_module("$M").$L(r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
== imported by name and kept
import importlib
def f$n(r, u):
    module = importlib.import_module("$M")
    return module.$L(r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
== imported by __import__
def f$n(r, u):
    return getattr(__import__("$M", fromlist=["$L"]), "$L")(r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
== looked up in the loaded modules
import sys
def f$n():
    $here
    made = $C("r", "u")
    return "$M" in sys.modules and made.LIMIT
-- test
def test_$n():
    assert $m.f$n()
"""
