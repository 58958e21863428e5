"""What consumers do with a class that has to go, each with a test that observes it.

`== name` begins a use; `!` after the name: the class is needed while the module is imported; `.`: the
consumer names it without a dot. `-- test` begins its tests, `-- path` another
file. Placeholders: `$C` is the class as the consumer's import names it and `$R` the first name of that; `$here` is where a function imports
it, if it does so itself. `$D` is the class in the tests, `$L` its own name, `$M` its module, `$T` the class that stays, `$TM` its module.
`$m` is the consumer in the tests and `$path` its dotted name. `$same`, `$old` (`$new` of the target), `$drop` and `$gone` are methods, `$a`
and `$b` the constructor's parameters, `$make` a function of the legacy module, and `$n` a number that nothing else has.
"""

CALLS = """
== made
def f$n(r, u, x):
    $here
    return $C(r, u).$same(x)
-- test
def test_$n():
    assert $m.f$n("r", "u", 1) == ("u", "r", 1)
== made by keyword
def f$n(r, u, x):
    $here
    return $C($b=u, $a=r).$same(x)
-- test
def test_$n():
    assert $m.f$n("r", "u", 1) == ("u", "r", 1)
== made without a user
def f$n(r):
    $here
    return $C(r).$same(2)
-- test
def test_$n():
    assert $m.f$n("r") == (None, "r", 2)
== made of unpacked literals
def f$n(r, u):
    $here
    return $C(*[r], **{"$b": u}).$same(2)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 2)
== made of unpacked values
def f$n(*args, **more):
    $here
    return $C(*args, **more).$same(2)
-- test
def test_$n():
    assert $m.f$n("r", $b="u") == ("u", "r", 2)
== kept in a variable
def f$n(r, u):
    $here
    made = $C(r, u)
    return made.$same(1), made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == (("u", "r", 1), {"of": "u"})
== annotated
def f$n(r, u):
    $here
    made: "$C" = $C(
        r,  # first
        u,
    )
    return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== by walrus
def f$n(r, u):
    $here
    if (made := $C(r, u)) is not None:
        return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== unpacked with another
def f$n(r, u):
    $here
    made, other = $C(r, u), 3
    return made.$old(), other
-- test
def test_$n():
    assert $m.f$n("r", "u") == ({"of": "u"}, 3)
== perhaps none
def f$n(r, u):
    $here
    made = $C(r, u) if u else None
    return made.$old() if made else "none"
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
    assert $m.f$n("r", "") == "none"
== either of two
class Other$n:
    def $old(self):
        return "other"
def f$n(r, u):
    $here
    made = $C(r, u) if u else Other$n()
    return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
    assert $m.f$n("r", "") == "other"
== evaluated in order
def f$n(log):
    $here
    return $C(log("r"), log("u")).$same(log("x"))
-- test
def test_$n():
    seen = []
    def log(text):
        seen.append(text)
        return text
    assert $m.f$n(log) == ("u", "r", "x")
    assert seen == ["r", "u", "x"]
== evaluated by walrus
def f$n(r):
    $here
    return $C(r := r + "1", r + "2").$same(r)
-- test
def test_$n():
    assert $m.f$n("r") == ("r12", "r1", "r1")
== dropped argument
def f$n(r, u):
    $here
    made = $C(r, u)
    return made.$drop("i", u), made.$drop("j", $b=u), made.$drop("k")
-- test
def test_$n():
    assert $m.f$n("r", "u") == (("kept", "i"), ("kept", "j"), ("kept", "k"))
== dropped argument that does something
def f$n(log):
    $here
    return $C("r", "u").$drop("i", log("u"))
-- test
def test_$n():
    seen = []
    assert $m.f$n(seen.append) == ("kept", "i")
    assert seen == ["u"]
== method without counterpart
def f$n(r, u):
    $here
    made = $C(r, u)
    return made.$gone(), made.$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("gone", ("u", "r", 1))
== method held
def f$n(r, u):
    $here
    taken = $C(r, u).$old
    return taken()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== method by getattr
def f$n(r, u):
    $here
    return getattr($C(r, u), "$old")()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== method by operator
def f$n(r, u):
    import operator
    $here
    return operator.methodcaller("$old")($C(r, u))
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== method of the class
def f$n(r, u):
    $here
    return $C.$old($C(r, u)), $C.$same($C(r, u), 1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ({"of": "u"}, ("u", "r", 1))
== by partial
def f$n(r, u):
    from functools import partial
    $here
    return partial($C, r)(u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
== by partial of the module !
from functools import partial
make$n = partial($C, "r")
def f$n(u):
    return make$n(u).$same(1)
-- test
def test_$n():
    assert $m.f$n("u") == ("u", "r", 1)
== mapped
def f$n(r):
    from itertools import repeat
    $here
    return [made.$old() for made in map($C, repeat(r), "ab")]
-- test
def test_$n():
    assert $m.f$n("r") == [{"of": "a"}, {"of": "b"}]
== awaited around
def f$n():
    $here
    async def one(text):
        return text
    async def run():
        return $C(await one("r"), await one("u")).$same(await one(1))
    try:
        run().send(None)
    except StopIteration as done:
        return done.value
-- test
def test_$n():
    assert $m.f$n() == ("u", "r", 1)
== yielded between
def f$n():
    $here
    return $C((yield "r"), (yield "u")).$same(1)
-- test
def test_$n():
    steps = $m.f$n()
    assert [next(steps), steps.send("R")] == ["r", "u"]
    try:
        steps.send("U")
    except StopIteration as done:
        assert done.value == ("U", "R", 1)
== by the function that makes it
def f$n(r, u):
    from $M import $make
    made = $make(r, u)
    return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== passed on by the module
def f$n():
    from $M import Ticket
    $here
    return Ticket(4).number, $C.LIMIT
-- test
def test_$n():
    assert $m.f$n() == (4, 3)
== configured
def f$n():
    from $M import Options
    return Options(limit=4).limit, Options().limit
-- test
def test_$n():
    assert $m.f$n() == (4, 3)
== state of the module
def f$n(x):
    import $M as state
    state.SEEN.append(x)
    return state.SEEN[-1]
-- test
def test_$n():
    assert $m.f$n(5) == 5
"""

HANDED_ON = """
== in a list
def f$n(r, u):
    $here
    many = [$C(r, u) for _ in range(2)]
    return [one.$old() for one in many], many[0].$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == ([{"of": "u"}] * 2, {"of": "u"})
== in a dictionary
def f$n(r, u):
    $here
    many = {"one": $C(r, u)}
    return many["one"].$old(), [x.$same(1) for x in many.values()]
-- test
def test_$n():
    assert $m.f$n("r", "u") == ({"of": "u"}, [("u", "r", 1)])
== in a loop
def f$n(r, u):
    $here
    for one in ($C(r, u),):
        return one.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== in an attribute
class Holder$n:
    def __init__(self, r, u):
        $here
        self.held = $C(r, u)
    def f(self):
        return self.held.$old()
-- test
def test_$n():
    assert $m.Holder$n("r", "u").f() == {"of": "u"}
== in an attribute by property
class Holder$n:
    @property
    def held(self):
        $here
        return $C("r", "u")
    def f(self):
        return self.held.$old()
-- test
def test_$n():
    assert $m.Holder$n().f() == {"of": "u"}
== in a closure
def f$n(r, u):
    $here
    made = $C(r, u)
    def inner():
        return made.$old()
    return (lambda: inner())()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== in a default
def f$n(made=None):
    $here
    made = made or $C("r", "u")
    return made.$old()
-- test
def test_$n():
    assert $m.f$n() == {"of": "u"}
== in a default of the class !
def f$n(kind=$C):
    return kind("r", "u").$same(1)
-- test
def test_$n():
    assert $m.f$n() == ("u", "r", 1)
    assert $m.f$n(lambda r, u: $m.f$n.__defaults__[0](r, u)) == ("u", "r", 1)
== as an argument
def use$n(it):
    return it.$old()
def f$n(r, u):
    $here
    return use$n($C(r, u))
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== as an argument to another file
def f$n(r, u):
    $here
    return other$n.use(made=$C(r, u))
from app import other$n
-- app/other$n.py
def use(made):
    return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== returned
def make$n(r, u):
    $here
    return $C(r, u)
def f$n(r, u):
    return make$n(r, u).$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
    assert $m.make$n("r", "u").$old() == {"of": "u"}
== returned to another file
def make$n(r, u):
    $here
    return $C(r, u)
-- app/other$n.py
import $path as maker
def f(r, u):
    made = maker.make$n(r, u)
    return made.$old()
-- test
import app.other$n
def test_$n():
    assert app.other$n.f("r", "u") == {"of": "u"}
== yielded
def make$n(r, u):
    $here
    yield $C(r, u)
def f$n(r, u):
    return [made.$old() for made in make$n(r, u)]
-- test
def test_$n():
    assert $m.f$n("r", "u") == [{"of": "u"}]
== by contextmanager
from contextlib import contextmanager
@contextmanager
def open$n(r, u):
    $here
    yield $C(r, u)
def f$n(r, u):
    with open$n(r, u) as made:
        return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== by global
current$n = None
def set$n(r, u):
    global current$n
    $here
    current$n = $C(r, u)
def f$n():
    return current$n.$old()
-- test
def test_$n():
    $m.set$n("r", "u")
    assert $m.f$n() == {"of": "u"}
    assert $m.current$n.$old() == {"of": "u"}
== by nonlocal
def f$n(r, u):
    made = None
    def fill():
        nonlocal made
        $here
        made = $C(r, u)
    fill()
    return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== by starred target
def f$n(r, u):
    $here
    *_, made = 1, $C(r, u)
    return made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== by setattr
class Bag$n:
    pass
def f$n(r, u):
    $here
    bag = Bag$n()
    setattr(bag, "made", $C(r, u))
    return bag.made.$old()
-- test
def test_$n():
    assert $m.f$n("r", "u") == {"of": "u"}
== class in a table !
KINDS$n = {"old": $C, "other": dict}
def f$n(r, u):
    return KINDS$n["old"](r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
== class in a table by a variable !
KINDS$n = {"old": $C, "other": dict}
def f$n(kind, r, u):
    return KINDS$n[kind](r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("old", "r", "u") == ("u", "r", 1)
== class in a variable !
kind$n = $C
def f$n(r, u):
    return kind$n(r, u).$same(1)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
    assert $m.kind$n("r", "u").$same(2) == ("u", "r", 2)
== class in a list !
kinds$n = [$C]
def f$n(r, u):
    return [kind(r, u).$same(1) for kind in kinds$n]
-- test
def test_$n():
    assert $m.f$n("r", "u") == [("u", "r", 1)]
== class in an attribute !
class Holder$n:
    kind = $C
    def f(self, r, u):
        return self.kind(r, u).$old()
-- test
def test_$n():
    assert $m.Holder$n().f("r", "u") == {"of": "u"}
== class returned
def kind$n():
    $here
    return $C
-- test
def test_$n():
    assert $m.kind$n()("r", "u").$same(1) == ("u", "r", 1)
== class as an argument
def use$n(kind, *args):
    return kind(*args).$same(1)
def f$n(r, u):
    $here
    return use$n($C, r, u)
-- test
def test_$n():
    assert $m.f$n("r", "u") == ("u", "r", 1)
"""
