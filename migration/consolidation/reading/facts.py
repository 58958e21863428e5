"""The facts of one Python file. Names are as written and not resolved. Lines count from 1. The module's own scope is number 0.

Facts contain only texts, numbers and other facts, and no reference cycles, so the garbage collector can skip them (`gc=False`).
"""

from typing import Literal

import msgspec

from migration.consolidation.inventory import Problem, Where

ScopeKind = Literal["module", "class", "function"]
FunctionKind = Literal["function", "method", "static", "class", "property"]
BoundBy = Literal["call", "instance", "value", "scope", "import"]
"""How a variable gets its type: from the result of a call, an annotated class, another value, the context manager of a `with` block, or
an import function with a literal name.
"""

HIDDEN = "\N{MIDDLE DOT}"
"""Prefix of names that a lambda or a comprehension binds.

No identifier begins with it, so such a name is never confused with another one.
"""

RETURNED = "return"
"""In a function's scope, the name of the value that it returns or yields. No variable can have this name."""


class Question(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The question about a file. Statements that contain none of the words are skipped."""

    literals: tuple[str, ...]  #: parts of names of the family
    names: tuple[str, ...]  #: names of the family that contain no literal, and last parts of its modules' names
    methods: tuple[str, ...]  #: public methods of the family


class Scope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A module, a class or a function."""

    kind: ScopeKind
    name: str  #: dotted name inside the module; "" for the module itself
    parent: int  #: number of the scope around it; -1 for the module
    self_name: str  #: the first parameter of a method; "" for everything else
    #: names that both this scope and an outer one bind, or that a star import may bind: here they do not mean the outer name
    hides: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()  #: names in `hides` that are parameters
    from_module: tuple[str, ...] = ()  #: names that a `global` statement takes from the module
    from_function: tuple[str, ...] = ()  #: names that a `nonlocal` statement takes from an outer function


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
    positional_only: int  #: number of positional parameters that cannot be passed by keyword
    required: int  #: number of positional parameters without a default
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
    fixture: bool = False  #: a fixture: pytest passes its result to every parameter with its name


class ClassFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A class at any level."""

    name: str  #: dotted name inside the module
    line: int
    end_line: int
    scope: int  #: the scope that contains the class
    bases: tuple[str, ...]
    methods: tuple[FunctionFact, ...]
    attributes: tuple[tuple[str, str], ...]  #: annotated attributes and the first dotted name of the annotation
    generated_init: bool  #: a decorator or a base class may generate the constructor
    deprecated: bool  #: its docstring or its constructor says that it is deprecated


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
    values: tuple[str, ...]  #: dotted names; for a call its callee


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
    callee: str  #: the function to which the string is passed; "" if there is none
    flows_to: str  #: the variable to which the string, or a collection that contains it, is assigned; "" if there is none
    package: str  #: the package that a relative name starts from, if the call names it
    docstring: bool


class CommentFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A comment that contains one of the words."""

    line: int
    text: str  #: without `#`


class FileFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All facts in one file about the question."""

    lines: int
    problem: Problem | None  #: why the file has no other facts
    docstring: str  #: first 500 characters
    only_passes_on: bool  #: the file contains only imports, `__all__`, a docstring and warnings
    warns_deprecated: bool  #: the file warns at import that it is deprecated
    public_names: tuple[str, ...] | None  #: `__all__`; None: it is missing or is not a literal
    definitions: tuple[str, ...]  #: names that the top level binds by other statements than imports
    dynamic_names: bool  #: the file has a module-level `__getattr__`
    scopes: tuple[Scope, ...]
    imports: tuple[ImportFact, ...]
    classes: tuple[ClassFact, ...]
    functions: tuple[FunctionFact, ...]  #: functions of the top level
    aliases: tuple[AliasFact, ...]
    lazy: tuple[tuple[str, str], ...]  #: names that `__getattr__` may look up in a literal table, each with its module or object
    bindings: tuple[BindingFact, ...]
    calls: tuple[CallFact, ...]
    uses: tuple[UseFact, ...]
    strings: tuple[StringFact, ...]
    flows: tuple[tuple[str, str], ...]  #: pairs of variables: values in the first get into the second, as in a loop
    imported_variables: tuple[str, ...]  #: variables given to an import function
    comments: tuple[CommentFact, ...]


def unreadable(problem: Problem, lines: int = 0) -> FileFacts:
    """Return the facts of a file that could not be read."""
    return FileFacts(
        lines, problem, "", False, False, None, (), False, (Scope("module", "", -1, ""),), (), (), (), (), (), (), (), (), (), (), (), ()
    )  # fmt: skip
