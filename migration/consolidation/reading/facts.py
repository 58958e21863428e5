"""The facts of one Python file. Names are as written, nothing is resolved yet; lines count from 1; the module's own scope is number 0.

Facts hold only texts, numbers and other facts, never a circle, so the garbage collector need not look at them (`gc=False`).
"""

from typing import Literal

import msgspec

from migration.consolidation.inventory import Problem, Where

ScopeKind = Literal["module", "class", "function"]
FunctionKind = Literal["function", "method", "static", "class", "property"]
BoundBy = Literal["call", "instance", "value", "scope", "import"]
"""How a variable got its type: the result of a call, an instance of an annotated class, another value, what a `with` block gives, what an
import function gives for a literal name."""

RETURNED = "return"
"""The name, in a function's scope, of what it returns or yields: no variable can have it."""


class Question(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The question about a file. Statements without any of the words are not looked into."""

    literals: tuple[str, ...]  #: parts of names of the family
    names: tuple[str, ...]  #: names of the family that contain no literal, and last parts of its modules' names
    methods: tuple[str, ...]  #: public methods of the family


class Scope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A module, a class or a function."""

    kind: ScopeKind
    name: str  #: dotted from the module, "" for the module itself
    parent: int  #: number of the scope around it; -1 for the module
    self_name: str  #: of a method, its first parameter; otherwise ""


class BoundName(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One name of an import statement."""

    name: str
    alias: str | None


class ImportFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An import statement. `import a as b` has level 0, module "" and the dotted names in `names`."""

    line: int
    end_line: int
    scope: int
    where: tuple[Where, ...]
    plain: bool  #: `import ...`, not `from ... import ...`
    level: int
    module: str
    names: tuple[BoundName, ...]

    @property
    def star(self) -> bool:
        """Whether it is a star import."""
        return not self.plain and self.names[0].name == "*"


class Signature(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The parameters of a function, without `self`."""

    positional: tuple[str, ...]
    positional_only: int  #: how many of them cannot be given by name
    required: int  #: how many of them have no default
    keyword_only: tuple[str, ...]
    required_keywords: tuple[str, ...]
    takes_any_positional: bool
    takes_any_keyword: bool


class FunctionFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A function or a method."""

    name: str
    line: int
    end_line: int
    kind: FunctionKind
    signature: Signature
    returns: tuple[str, ...]  #: the dotted names in its return annotation, in order
    abstract: bool


class ClassFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A class at any level."""

    name: str  #: dotted from the module
    line: int
    end_line: int
    scope: int  #: that contains it
    bases: tuple[str, ...]
    methods: tuple[FunctionFact, ...]
    attributes: tuple[tuple[str, str], ...]  #: annotated attributes and the first dotted name of the annotation
    generated_init: bool  #: a decorator or a base may write the constructor
    deprecated: bool  #: its docstring or its constructor says so


class AliasFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`name = value` at the top level, where the value is a dotted name."""

    name: str
    value: str
    line: int


class BindingFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A variable whose type is known."""

    scope: int
    name: str  #: a variable, or `self.attribute`
    by: BoundBy
    values: tuple[str, ...]  #: dotted; for a call its callee


class CallFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A call. `()` in the callee means an earlier call in the same chain."""

    line: int
    column: int
    scope: int
    callee: str
    positional: int
    keywords: tuple[str, ...]
    unpacks: bool


class UseFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dotted name that is read."""

    line: int
    scope: int
    text: str


class StringFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dotted name, or a path, inside a string."""

    line: int
    text: str
    callee: str  #: the call that the string is an argument of; "" if none
    flows_to: str  #: the variable that takes it, or a collection with it; "" if none
    package: str  #: the package that a relative name starts from, when the call says so
    docstring: bool


class CommentFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A comment that holds one of the words."""

    line: int
    text: str  #: without `#`


class FileFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything that one file says of the question."""

    lines: int
    problem: Problem | None  #: why nothing else is here
    docstring: str  #: first 500 characters
    only_passes_on: bool  #: nothing but imports, `__all__`, a docstring and warnings
    warns_deprecated: bool  #: at import
    public_names: tuple[str, ...] | None  #: `__all__`; None: not given, or not literally
    definitions: tuple[str, ...]  #: names that the top level binds other than by import
    dynamic_names: bool  #: it has a module-level `__getattr__`
    scopes: tuple[Scope, ...]
    imports: tuple[ImportFact, ...]
    classes: tuple[ClassFact, ...]
    functions: tuple[FunctionFact, ...]  #: of the top level
    aliases: tuple[AliasFact, ...]
    lazy: tuple[tuple[str, str], ...]  #: names that `__getattr__` may look up in a literal table, with the module or object
    bindings: tuple[BindingFact, ...]
    calls: tuple[CallFact, ...]
    uses: tuple[UseFact, ...]
    strings: tuple[StringFact, ...]
    flows: tuple[tuple[str, str], ...]  #: loops: what is in the first variable comes into the second
    imported_variables: tuple[str, ...]  #: variables given to an import function
    comments: tuple[CommentFact, ...]


def unreadable(problem: Problem, lines: int = 0) -> FileFacts:
    """Return the facts of a file that could not be read."""
    return FileFacts(
        lines, problem, "", False, False, None, (), False, (Scope("module", "", -1, ""),), (), (), (), (), (), (), (), (), (), (), (), ()
    )  # fmt: skip
