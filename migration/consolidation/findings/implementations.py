"""Which modules are implementations: by configuration, by class name, by inheritance, by shape, or because they only re-export one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import Evidence, Export, Implementation, Role
from migration.consolidation.reading.facts import ClassFact, FileFacts

_INTERFACES: Final = ("Protocol", "ABC")
_STAND_INS: Final = ("Mock", "Fake", "Stub", "Dummy", "Spy")  #: beginnings of the names of test doubles, in any folder
_FEWEST_SHARED: Final = 3
#: Other imports and definitions that a module of re-exports may have.
_PLUMBING: Final = ("*", "annotations", "warn", "deprecated", "__all__")
_ORDER: Final[tuple[Role, ...]] = ("target", "factory", "deprecated", "duplicate", "re-export")


class Family:
    """The implementations of one tree.

    Args:
        names: the meaning of names in the files that were read so far.
        facts: the facts of the files that were read so far, by path.
        configuration: says what belongs to the family.
        prefix: turns a path of the tree into a path of the configuration.
    """

    def __init__(self, names: Names, facts: Mapping[str, FileFacts], configuration: AuditConfiguration, prefix: str) -> None:
        self._names = names
        self._facts = facts
        self._configuration = configuration
        self._prefix = prefix
        self._target = _split(configuration.target)
        self._factory = _split(configuration.factory)
        self._foundations = frozenset(base for kept in (self._target, self._factory) for base in names.bases(kept) if base != kept)
        self._target_methods = frozenset(self.public_methods(self._target))
        self.classes: dict[str, dict[str, tuple[Evidence, ...]]] = {}
        self._find_classes()
        self.modules = frozenset(self.classes) | frozenset(self._passing_on())

    def public_methods(self, meaning: Meaning) -> tuple[str, ...]:
        """Return the names of a class's public methods, inherited ones too, in source order."""
        found: dict[str, None] = {}
        for base in self._names.bases(meaning):
            item = self._names.class_of(base)
            found.update((method.name, None) for method in (item.methods if item else ()) if not method.name.startswith("_"))
        return tuple(found)

    def methods(self) -> frozenset[str]:
        """Return the public methods of all classes of the family, including alternative constructors."""
        found: set[str] = set()
        for module, classes in self.classes.items():
            for name in classes:
                item = self._names.class_of(Meaning("object", module, name))
                methods = item.methods if item else ()
                found.update(method.name for method in methods if not method.name.startswith("_") or method.kind == "class")
        return frozenset(found)

    def describe(self, exports: Sequence[Export]) -> tuple[Implementation, ...]:
        """Return the implementations, by role and path."""
        found = [self._describe(module, exports) for module in self.modules]
        return tuple(sorted(found, key=lambda item: (_ORDER.index(item.role), item.path)))

    def _find_classes(self) -> None:
        for path, facts in self._facts.items():
            if self._is_double(path):
                continue
            module = self._names.modules.name(path)
            for item in facts.classes:
                if item.scope == 0 and (evidence := self._evidence(module, item)):
                    self.classes.setdefault(module, {})[item.name] = evidence

    def _is_double(self, path: str) -> bool:
        return any(part in self._configuration.doubles for part in path.split("/")[:-1])

    def _evidence(self, module: str, item: ClassFact) -> tuple[Evidence, ...]:
        meaning = Meaning("object", module, item.name)
        if meaning in {self._target, self._factory}:
            return ("configuration",)
        if meaning in self._foundations or _is_stand_in(item.name):
            return ()  # the target inherits from it, or it replaces an implementation in tests
        is_named = self._configuration.matches_class(item.name)
        if not (is_named or item.bases or any(method.name in self._target_methods for method in item.methods)) or _is_interface(item):
            return ()
        found: list[Evidence] = []
        if is_named:
            found.append("name")
        bases = list(self._names.bases(meaning)) if item.bases else [meaning]
        if any(self._is_family_name(base) for base in bases[1:]):
            found.append("inheritance")
        if self._has_shape(bases):
            found.append("shape")
        return tuple(found)

    def _is_family_name(self, base: Meaning) -> bool:
        if base in self._foundations or _is_stand_in(base.name):
            return False
        if base != self._target and not self._configuration.matches_class(base.name):
            return False
        item = self._names.class_of(base)
        path = self._names.modules.path(base.module)
        return item is not None and path is not None and not _is_interface(item) and not self._is_double(path)

    def _has_shape(self, bases: Sequence[Meaning]) -> bool:
        items = (item for base in bases if (item := self._names.class_of(base)) is not None)
        methods = {method.name for item in items for method in item.methods}
        shared = len(self._target_methods & methods)
        return shared >= max(_FEWEST_SHARED, self._configuration.shape_share * len(self._target_methods)) > 0

    def _passing_on(self) -> Iterable[str]:
        """Yield the modules that only re-export classes of the family.

        Packages are not included, because names are followed through them.
        """
        for path, facts in self._facts.items():
            module = self._names.modules.name(path)
            if facts.only_passes_on and not path.endswith("__init__.py") and not self._is_double(path) and self._passed(path):
                yield module

    def _passed(self, path: str) -> tuple[str, ...]:
        module = self._names.modules.name(path)
        facts = self._facts[path]
        imported = [(statement, name) for statement in facts.imports if not statement.plain for name in statement.names]
        candidates = facts.public_names or (*(name.alias or name.name for _, name in imported), *facts.definitions)
        found = {name: self._names.member(module, name) for name in candidates if name != "*"}
        passed = tuple(
            name for name, meaning in found.items() if meaning is not None and meaning.name in self.classes.get(meaning.module, ())
        )
        if facts.public_names is None and any(name not in passed for name in candidates if name not in _PLUMBING):
            return ()  # the module has much other content, so re-exporting is not its purpose
        return passed or self._passed_by_star(path)

    def _passed_by_star(self, path: str) -> tuple[str, ...]:
        stars = (statement for statement in self._facts[path].imports if statement.star)
        modules = [self._names.modules.absolute(path, statement.level, statement.module) for statement in stars]
        return tuple(name for module in modules for name in self.classes.get(module, ()))

    def _describe(self, module: str, exports: Sequence[Export]) -> Implementation:
        path = self._names.modules.path(module) or ""
        facts = self._facts[path]
        classes = tuple(self.classes.get(module, ())) or self._passed(path)
        principal = self._principal(module, classes)
        meaning = Meaning("object", module, principal)
        own = self.public_methods(meaning) if module in self.classes and meaning != self._target else ()
        shares = tuple(name for name in own if name in self._target_methods)
        found_by: tuple[Evidence, ...] = self.classes[module][principal] if module in self.classes else ("re-export",)
        role, reason = self._role(path, meaning, facts, found_by, shares)
        return Implementation(
            path=path,
            module=module,
            name=principal,
            classes=classes,
            lines=facts.lines,
            role=role,
            reason=reason,
            found_by=found_by,
            shares=shares,
            exports=tuple(export for export in exports if export.target.partition(":")[0] == module),
        )

    def _principal(self, module: str, classes: Sequence[str]) -> str:
        """Return the module's main class: the longest one that is not a subclass of another class of the module."""
        configured = next((meaning.name for meaning in (self._target, self._factory) if meaning.module == module), None)
        if configured in classes:
            return str(configured)
        items = {name: item for name in classes if (item := self._names.class_of(Meaning("object", module, name))) is not None}
        roots = [item for item in items.values() if not any(base in items for base in item.bases)]
        return max(roots, key=lambda item: item.end_line - item.line).name if roots else classes[0]

    def _role(self, path: str, meaning: Meaning, facts: FileFacts, found_by: Sequence[Evidence], shares: Sequence[str]) -> tuple[Role, str]:
        override = self._configuration.roles.get(self._prefix + path)
        role, why = self._own_role(meaning, facts, found_by, shares)
        if override is None:
            return role, why
        return override.role, f"{override.reason}; {why}" if override.reason else why

    def _own_role(self, meaning: Meaning, facts: FileFacts, found_by: Sequence[Evidence], shares: Sequence[str]) -> tuple[Role, str]:
        if meaning == self._target:
            return "target", "the configured target"
        if meaning == self._factory:
            return "factory", "the configured factory of the target"
        if "re-export" in found_by:
            origin = self._names.member(meaning.module, meaning.name)
            return "re-export", f"defines nothing; passes on {meaning.name} of {origin.module if origin else 'another module'}"
        ways = [self._way(way, meaning) for way in found_by]
        if shares:
            ways.append(f"shares {', '.join(shares)} with the target")
        item = self._names.class_of(meaning)
        if facts.warns_deprecated or (item is not None and item.deprecated) or "deprecated" in facts.docstring.lower():
            return "deprecated", "; ".join(["says that it is deprecated", *ways])
        return "duplicate", "; ".join(ways)

    def _way(self, way: Evidence, meaning: Meaning) -> str:
        if way == "inheritance":
            base = next(base for base in self._names.bases(meaning) if base != meaning and self._is_family_name(base))
            return f"inherits from {base.name}"
        return "its class name matches" if way == "name" else "has the shape of the target"


def _is_stand_in(name: str) -> bool:
    return name.strip("_").startswith(_STAND_INS)


def _is_interface(item: ClassFact) -> bool:
    """Return whether the class is only an interface: a protocol, or a class whose public methods are all abstract."""
    if any(base.rpartition(".")[2] == "Protocol" for base in item.bases):
        return True
    is_abstract = any(base.rpartition(".")[2] in _INTERFACES for base in item.bases)
    public = [method for method in item.methods if not method.name.startswith("_")]
    return is_abstract and bool(public) and all(method.abstract for method in public)


def _split(text: str) -> Meaning:
    module, _, name = text.partition(":")
    return Meaning("object", module, name)
