"""The results of an audit: frozen values. Paths are relative to the audited folder, with `/`; lines count from 1.

An implementation is a module that defines, or only re-exports, classes of the audited family. Its dotted name identifies it everywhere
below.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

Role = Literal["target", "factory", "deprecated", "duplicate", "re-export"]
Evidence = Literal["configuration", "name", "inheritance", "shape", "re-export"]
"""How an implementation was found."""

Where = Literal["function", "class", "type-checking", "if", "try", "except"]
"""What an import statement is in, outermost first; nothing: the top level of its module."""

ImportForm = Literal["import", "from", "star"]
StringUse = Literal["import", "patch", "logger", "other", "configuration", "path"]
"""The purpose of a dotted string: an argument of an import function, of `patch`, of `getLogger`, or anything else; or it is in a
configuration file. `path` is a file path of an implementation, in code or configuration: listed, but not counted among dotted strings.
"""

MentionKind = Literal["commented-import", "comment", "docstring", "document"]
CallKind = Literal["constructor", "method", "function"]
StateKind = Literal["module", "class", "singleton", "cache", "unbounded"]
ProblemKind = Literal["unparsable", "encoding", "unreadable", "not-regular", "symlink-loop", "file-name", "too-large"]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Another name under which something of an implementation can be imported."""

    path: str
    line: int  #: 0 for a name that comes with a star import or from a lazy table
    module: str  #: the module that one imports from
    name: str  #: the name there
    target: str  #: `module:name` of the real object


class Implementation(msgspec.Struct, frozen=True, kw_only=True):
    """A module of the family."""

    path: str
    module: str
    name: str  #: its principal class
    classes: tuple[str, ...]  #: all its classes of the family, in source order; for a re-export, the names that it passes on
    lines: int  #: of the file
    role: Role
    reason: str
    found_by: tuple[Evidence, ...]
    shares: tuple[str, ...]  #: public methods that it shares with the target; for the target and re-exports ()
    exports: tuple[Export, ...]


class ImportedName(msgspec.Struct, frozen=True, kw_only=True):
    """One name of an import statement."""

    name: str  #: as the module calls it
    alias: str | None  #: as the importing file calls it; None: the same
    target: str | None  #: `module:name` of the object that it reaches, `module` of a module; None: not in the family


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import statement that reaches implementations."""

    path: str
    line: int
    end_line: int
    form: ImportForm
    level: int  #: leading dots
    module: str  #: the module that the statement names, absolute; for `import a, b` the first one that reaches an implementation
    names: tuple[ImportedName, ...]
    where: tuple[Where, ...]
    reaches: tuple[str, ...]  #: the modules of implementations that count; a re-export that the import names counts itself


class DottedString(msgspec.Struct, frozen=True, kw_only=True):
    """A string in code or configuration that names an implementation, or something in it."""

    path: str
    line: int
    text: str  #: the dotted name, as written
    use: StringUse
    module: str  #: of the implementation


class AttributeUse(msgspec.Struct, frozen=True, kw_only=True):
    """Something of an implementation, reached through a module object."""

    path: str
    line: int
    text: str  #: as written, e.g. `engines.ExecutionEngine`
    module: str
    name: str  #: in that module, e.g. `ExecutionEngine`


class Subclass(msgspec.Struct, frozen=True, kw_only=True):
    """A class that inherits from one of an implementation's classes, outside of any implementation."""

    path: str
    line: int
    name: str
    inherits: str  #: `module:name`


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a class, a method or a function of an implementation."""

    path: str
    line: int
    column: int  #: from 0, in UTF-8 bytes
    text: str  #: the callee, as written
    kind: CallKind
    module: str
    name: str  #: in that module, e.g. `ExecutionEngine` or `ExecutionEngine.execute_agent`
    positional: int  #: without the instance, which `Class.method(instance, ...)` gives first
    keywords: tuple[str, ...]  #: in source order
    unpacks: bool  #: `*args` or `**kwargs` are passed, so the shape is known only in part
    misfit: str | None  #: why the callee's own signature does not take this call; None: it does, or this is not known
    target_misfit: (
        str | None
    )  #: why the target's class, or its method of that name, would not accept it; None: it would, this is not known, or the callee stays


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """An implementation's dotted name or path where it does nothing: in a comment, a docstring or a document."""

    path: str
    line: int
    kind: MentionKind
    text: str
    module: str


class BrokenImport(msgspec.Struct, frozen=True, kw_only=True):
    """An import, or a string that is imported or patched, that names a module or a name of the family that does not exist."""

    path: str
    line: int
    module: str
    name: str | None  #: None: the module itself is missing
    guarded: bool  #: inside `try`, so it may be a fallback
    form: Literal["import", "string"]


class SharedState(msgspec.Struct, frozen=True, kw_only=True):
    """Something in an implementation that outlives or outgrows one request."""

    path: str
    line: int
    kind: StateKind
    name: str
    detail: str


class MatchingFunction(msgspec.Struct, frozen=True, kw_only=True):
    """Two functions that share code."""

    a: str
    b: str
    tokens: int  #: that they share


class Similarity(msgspec.Struct, frozen=True, kw_only=True):
    """How much code two implementations share."""

    a: str  #: module
    b: str  #: module
    ratio: float  #: share of the tokens of both that occur in both, function by function; 0 to 1
    functions: tuple[MatchingFunction, ...]  #: by shared tokens, most first


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A file that could not be read or understood. Its consumers, if any, are missing from the inventory."""

    path: str
    kind: ProblemKind
    detail: str


class ModuleCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The consumers of one implementation, counted."""

    module: str
    import_statements: int
    import_files: int
    string_references: int  #: in code and configuration; file paths are not among them
    commented_out: int  #: import statements in comments


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an audit found. Tuples are ordered by path and line."""

    root: str  #: absolute
    files: int  #: Python files
    documents: int  #: configuration and documentation files
    target: str  #: `module:name`, as configured
    factory: str  #: `module:name`, as configured
    implementations: tuple[Implementation, ...]
    imports: tuple[Import, ...]
    strings: tuple[DottedString, ...]
    attribute_uses: tuple[AttributeUse, ...]
    subclasses: tuple[Subclass, ...]
    calls: tuple[Call, ...]
    mentions: tuple[Mention, ...]
    broken_imports: tuple[BrokenImport, ...]
    similarity: tuple[Similarity, ...]
    shared_state: tuple[SharedState, ...]
    problems: tuple[Problem, ...]

    @property
    def counts(self) -> tuple[ModuleCounts, ...]:
        """Return one row an implementation, in their order."""
        return tuple(self._count(implementation.module) for implementation in self.implementations)

    @property
    def consumer_files(self) -> tuple[str, ...]:
        """Return the files that import an implementation, reach one through a module, or name one in a string; sorted.

        A file that only receives an engine, and calls it, does not count: its calls are in `calls`.
        """
        strings = (string.path for string in self.strings if string.use != "path")
        return tuple(sorted({*(statement.path for statement in self.imports), *(use.path for use in self.attribute_uses), *strings}))

    @property
    def legacy(self) -> tuple[Implementation, ...]:
        """Return the implementations that have to go: all but the target and its factory."""
        return tuple(implementation for implementation in self.implementations if implementation.role not in {"target", "factory"})

    def _count(self, module: str) -> ModuleCounts:
        imports = [statement for statement in self.imports if module in statement.reaches]
        return ModuleCounts(
            module=module,
            import_statements=len(imports),
            import_files=len({statement.path for statement in imports}),
            string_references=_number(string.module == module and string.use != "path" for string in self.strings),
            commented_out=_number(mention.module == module and mention.kind == "commented-import" for mention in self.mentions),
        )


def _number(found: Iterable[bool]) -> int:
    return sum(found)
