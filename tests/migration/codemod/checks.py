"""Further uses of a class that has to go, written as in `uses`: its type, names that hide it, patches, and what others take."""

TYPES = """
== subclass !
class Sub$n($C):
    def $same(self, x):
        return "sub", super().$same(x)
-- test
def test_$n():
    assert $m.Sub$n("r", "u").$same(1) == ("sub", ("u", "r", 1))
== subclass with its own constructor !
class Sub$n($C):
    def __init__(self, r, u):
        super().__init__(r, u)
        self.more = self.$old()
-- test
def test_$n():
    assert $m.Sub$n("r", "u").more == {"of": "u"}
== is an instance
def f$n(r, u):
    $here
    return isinstance($C(r, u), $C), isinstance(3, $C)
-- test
def test_$n():
    assert $m.f$n("r", "u") == (True, False)
== is an instance from elsewhere
def f$n(it):
    $here
    return isinstance(it, $C)
-- test
$imp
def test_$n():
    assert $m.f$n($D("r", "u")) is True
    assert $m.f$n(1) is False
== is an instance from another file
def f$n(it):
    $here
    return isinstance(it, (int, $C))
-- app/other$n.py
from $M import $L
def make():
    return $L("r", "u")
-- test
import app.other$n
def test_$n():
    assert $m.f$n(app.other$n.make()) is True
== is exactly this type
def f$n(it):
    $here
    return type(it) is $C
-- test
$imp
def test_$n():
    assert $m.f$n($D("r", "u")) is True
== is a subclass
def f$n(kind):
    $here
    return issubclass(kind, $C)
-- test
$imp
def test_$n():
    assert $m.f$n($D) is True
    assert $m.f$n(int) is False
== matched
def f$n(it):
    $here
    match it:
        case $C():
            return "one"
        case _:
            return "none"
-- test
$imp
def test_$n():
    assert $m.f$n($D("r", "u")) == "one"
    assert $m.f$n(1) == "none"
== compared
def f$n(kind):
    $here
    return kind is $C, kind in ($C, int)
-- test
$imp
def test_$n():
    assert $m.f$n($D) == (True, True)
== key of a dictionary
def f$n(it):
    $here
    return {$C: "one"}.get(type(it), "none")
-- test
$imp
def test_$n():
    assert $m.f$n($D("r", "u")) == "one"
== dispatched !
from functools import singledispatch
@singledispatch
def f$n(it):
    return "any"
@f$n.register
def _(it: $C):
    return "one"
-- test
$imp
def test_$n():
    assert $m.f$n($D("r", "u")) == "one"
    assert $m.f$n(1) == "any"
== annotated and looked at !
def f$n(it: $C) -> "list[$C]":
    return [it.$same(1)]
-- test
from typing import get_type_hints
def test_$n():
    hints = get_type_hints($m.f$n)
    assert hints["return"].__args__[0] is hints["it"]
    assert hints["it"]("r", "u").LIMIT == 3
== annotated in a comment
def f$n(r, u):
    $here
    made = $C(r, u)  # type: $C
    return made.$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
== a literal that looks like it
from typing import Literal, get_type_hints
def f$n(kind: Literal["$L"] = "$L"):
    $here
    return kind, get_type_hints(f$n)["kind"].__args__
-- test
def test_$n():
    assert $m.f$n() == ("$L", ("$L",))
== cast
from typing import cast
def f$n(r, u):
    $here
    return cast("$C", $C(r, u)).$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== attribute of the class
def f$n():
    $here
    return $C.LIMIT
-- test
def test_$n():
    assert $m.f$n() == 3
== attribute of the class is set
def f$n():
    $here
    before = $C.LIMIT
    $C.LIMIT = 7
    try:
        return $C("r", "u").LIMIT
    finally:
        $C.LIMIT = before
-- test
def test_$n():
    assert $m.f$n() == 7
== generic !
from typing import Generic, TypeVar
Kind$n = TypeVar("Kind$n", bound="$C")
class Box$n(Generic[Kind$n]):
    held: "Kind$n"
def f$n(r, u):
    return Box$n[$C]().__class__.__name__, $C(r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("Box$n", ("u", "r", 1))
== in a doctest
def f$n(r, u):
    '''Return it.

    >>> f$n("r", "u").$old()
    {'of': 'u'}
    '''
    $here
    return $C(r, u)
-- test
import doctest
def test_$n():
    examples = doctest.DocTestFinder().find($m.f$n, globs=dict(vars($m)))
    assert doctest.DocTestRunner(verbose=False).run(examples[0], out=lambda text: None).failed == 0
== class in a doctest !
def f$n():
    '''Nothing.

    >>> $C("r", "u").$same(1)
    ('u', 'r', 1)
    '''
KEPT$n = $C
-- test
import doctest
def test_$n():
    examples = doctest.DocTestFinder().find($m.f$n, globs=dict(vars($m)))
    assert doctest.DocTestRunner(verbose=False).run(examples[0], out=lambda text: None).failed == 0
"""

HIDDEN = """
== hidden by a parameter
def f$n($R):
    return $C("r", "u")
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == ("hidden", "r", "u")
== hidden by a lambda
f$n = lambda $R: $C("r", "u")
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == ("hidden", "r", "u")
== hidden by a comprehension
def f$n(it):
    return [$C("r", "u") for $R in [it]]
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == [("hidden", "r", "u")]
== hidden by an assignment
def f$n(it):
    $R = it
    return $C("r", "u")
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == ("hidden", "r", "u")
== hidden by a walrus
def f$n(it):
    return [$C("r", "u") for one in [it] if ($R := one)]
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == [("hidden", "r", "u")]
== hidden by a loop
def f$n(it):
    for $R in [it]:
        pass
    return $C("r", "u")
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == ("hidden", "r", "u")
== hidden by with
from contextlib import nullcontext
def f$n(it):
    with nullcontext(it) as $R:
        return $C("r", "u")
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == ("hidden", "r", "u")
== hidden by except
def f$n():
    try:
        raise ValueError(5)
    except ValueError as $R:
        return $R.args
-- test
def test_$n():
    assert $m.f$n() == (5,)
== hidden by a pattern
def f$n(it):
    match [it]:
        case [$R]:
            return $C("r", "u")
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == ("hidden", "r", "u")
== hidden by a mapping pattern
def f$n(it):
    match {"a": 1, "b": it}:
        case {"a": 1, **$R}:
            return $R["b"]
-- test
def test_$n():
    assert $m.f$n(4) == 4
== hidden by an import
def f$n():
    from math import floor as $R
    return $R(1.5)
-- test
def test_$n():
    assert $m.f$n() == 1
== hidden by a function
def f$n(x):
    def $R(*args):
        return "hidden", *args
    return $R("r", x)
-- test
def test_$n():
    assert $m.f$n("u") == ("hidden", "r", "u")
== hidden by a class
def f$n(x):
    class $R:
        def __init__(self, *args):
            self.args = args
    return $R("r", x).args
-- test
def test_$n():
    assert $m.f$n("u") == ("r", "u")
== hidden in a class
class Hider$n:
    $R = 5
    seen = $R
    def f(self):
        $here
        return $C("r", "u").$same(self.seen)
-- test
def test_$n():
    assert $m.Hider$n().f() == ("u", "r", 5)
== hidden after it is deleted
def f$n(it):
    $R = it
    first = $C("r", "u")
    del $R
    return first
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == ("hidden", "r", "u")
== hidden in an inner function
def f$n(it):
    $R = it
    def inner():
        return [(lambda: $C("r", "u"))() for _ in range(1)]
    return inner()
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n($hidden) == [("hidden", "r", "u")]
== rebound for a time !
first$n = $C("r", "u")
def f$n():
    return first$n.$old()
def g$n(it):
    global $R
    kept = $R
    $R = it
    try:
        return $C("r", "u")
    finally:
        $R = kept
-- test
from types import SimpleNamespace as NS
def test_$n():
    assert $m.f$n() == {"of": "u"}
    assert $m.g$n($hidden) == ("hidden", "r", "u")
== the new name is taken by a parameter
def f$n(r, $T):
    $here
    return $C(r, $T).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
== the new name is taken by a variable
def f$n(r, u):
    $here
    $T = "mine"
    return $C(r, u).$same($T)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", "mine")
== a method has the name
class Named$n:
    def $old(self):
        return "mine"
    def $L(self, x):
        return x
def f$n(r, u):
    $here
    return Named$n().$old(), Named$n().$L(2), $C(r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("mine", 2, ("u", "r", 1))
== a string has the name
def f$n(r, u):
    $here
    return "$L", f"{'$L'}", $C(r, u).$same("$M.$L")
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("$L", "$L", ("u", "r", "$M.$L"))
"""
