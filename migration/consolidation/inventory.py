"""The results of an audit: frozen values. Paths are relative to the audited folder, with `/`; lines count from 1.

An implementation is a module that defines, or only re-exports, classes of the audited family. Its dotted name identifies it in all values
here.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

Role = Literal["target", "factory", "deprecated", "duplicate", "re-export"]
Evidence = Literal["configuration", "name", "inheritance", "shape", "re-export"]
"""How an implementation was found."""

Where = Literal["function", "class", "type-checking", "if", "try", "except"]
"""A block that contains an import statement. A statement has a tuple of blocks, outermost first; () means the module's top level."""

ImportForm = Literal["import", "from", "star"]
StringUse = Literal["import", "patch", "logger", "other", "configuration", "path"]
"""The purpose of a dotted string: it is an argument of an import function, of `patch` or of `getLogger`, it is used in another way in code,
or it is in a configuration file. `path` is a file path of an implementation, in code or configuration; it is listed, but not counted as a
dotted string.
"""

MentionKind = Literal["commented-import", "comment", "docstring", "document"]
CallKind = Literal["constructor", "method", "function"]
StateKind = Literal["module", "class", "singleton", "cache", "unbounded"]
ProblemKind = Literal["unparsable", "encoding", "unreadable", "not-regular", "symlink-loop", "file-name", "too-large"]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Another name under which an object of an implementation can be imported."""

    path: str
    line: int  #: 0 for a name that comes with a star import or from a lazy table
    module: str  #: the module that offers the name
    name: str  #: the name in that module
    target: str  #: `module:name` of the real object


class Implementation(msgspec.Struct, frozen=True, kw_only=True):
    """A module of the family."""

    path: str
    module: str
    name: str  #: its main class
    classes: tuple[str, ...]  #: all its classes of the family, in source order; for a re-export, the names that it re-exports
    lines: int  #: number of lines of the file
    role: Role
    reason: str
    found_by: tuple[Evidence, ...]
    shares: tuple[str, ...]  #: public methods that it has in common with the target; () for the target and for re-exports
    exports: tuple[Export, ...]


class ImportedName(msgspec.Struct, frozen=True, kw_only=True):
    """One name of an import statement."""

    name: str  #: the name in the imported module
    alias: str | None  #: the name in the importing file; None: the same name
    target: str | None  #: `module:name` of the imported object, or `module` of an imported module; None: it is not in the family


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import statement that imports implementations or their objects."""

    path: str
    line: int
    end_line: int
    form: ImportForm
    level: int  #: number of leading dots
    module: str  #: absolute name of the module in the statement; for `import a, b` the first one that is an implementation
    names: tuple[ImportedName, ...]
    where: tuple[Where, ...]
    reaches: tuple[str, ...]  #: the imported implementations; for a re-export, the re-export itself and not the module behind it


class DottedString(msgspec.Struct, frozen=True, kw_only=True):
    """A string in code or configuration that names an implementation or one of its objects."""

    path: str
    line: int
    text: str  #: the dotted name, as written
    use: StringUse
    module: str  #: the implementation


class AttributeUse(msgspec.Struct, frozen=True, kw_only=True):
    """A use of an implementation's object as an attribute of a module."""

    path: str
    line: int
    text: str  #: as written, e.g. `engines.ExecutionEngine`
    module: str
    name: str  #: the name in that module, e.g. `ExecutionEngine`


class Subclass(msgspec.Struct, frozen=True, kw_only=True):
    """A class outside of the implementations that inherits from a class of an implementation."""

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
    name: str  #: the name in that module, e.g. `ExecutionEngine` or `ExecutionEngine.execute_agent`
    positional: int  #: number of positional arguments, without the instance in `Class.method(instance, ...)`
    keywords: tuple[str, ...]  #: names of keyword arguments, in source order
    unpacks: bool  #: `*args` or `**kwargs` are passed, so not all arguments are known
    misfit: str | None  #: why the callee's own signature does not accept this call; None: it accepts it, or this is not known
    target_misfit: (
        str | None
    )  #: why the target, or its method of that name, would not accept the call; None: it would, this is not known, or the callee stays


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """An implementation's dotted name or path where it has no effect: in a comment, a docstring or a document."""

    path: str
    line: int
    kind: MentionKind
    text: str
    module: str


class BrokenImport(msgspec.Struct, frozen=True, kw_only=True):
    """An import, or an imported or patched string, that names a module or object of the family that does not exist."""

    path: str
    line: int
    module: str
    name: str | None  #: None: the module itself is missing
    guarded: bool  #: inside `try`, so the import may be a fallback
    form: Literal["import", "string"]


class SharedState(msgspec.Struct, frozen=True, kw_only=True):
    """State in an implementation that lives longer than one request, or grows with each request."""

    path: str
    line: int
    kind: StateKind
    name: str
    detail: str


class MatchingFunction(msgspec.Struct, frozen=True, kw_only=True):
    """Two functions that share code."""

    a: str
    b: str
    tokens: int  #: number of tokens that they share


class Similarity(msgspec.Struct, frozen=True, kw_only=True):
    """How much code two implementations share."""

    a: str  #: module
    b: str  #: module
    ratio: float  #: share of both modules' tokens that occur in both, compared function by function; 0 to 1
    functions: tuple[MatchingFunction, ...]  #: sorted by shared tokens, most first


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A file that could not be read or understood. Its uses of implementations, if any, are missing from the inventory."""

    path: str
    kind: ProblemKind
    detail: str


class ModuleCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The number of uses of one implementation."""

    module: str
    import_statements: int
    import_files: int
    string_references: int  #: number in code and configuration, without file paths
    commented_out: int  #: number of import statements in comments


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an audit found. Tuples are ordered by path and line."""

    root: str  #: absolute
    files: int  #: number of Python files
    documents: int  #: number of configuration and documentation files
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
        """Return one row for each implementation, in the order of the implementations."""
        return tuple(self._count(implementation.module) for implementation in self.implementations)

    @property
    def consumer_files(self) -> tuple[str, ...]:
        """Return the files, sorted, that import an implementation, use one as an attribute of a module, or name one in a string.

        A file that only receives an engine and calls it is not included; its calls are in `calls`.
        """
        strings = (string.path for string in self.strings if string.use != "path")
        return tuple(sorted({*(statement.path for statement in self.imports), *(use.path for use in self.attribute_uses), *strings}))

    @property
    def legacy(self) -> tuple[Implementation, ...]:
        """Return the implementations that must be removed: all except the target and its factory."""
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
