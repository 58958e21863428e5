"""The meaning of a dotted name: imports, aliases, re-exports, star imports and lazy tables are followed to the real object."""

from collections.abc import Iterator, Mapping
from typing import Final

from migration.consolidation.findings.local_names import LocalNames
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.reading.facts import RETURNED, BindingFact, ClassFact, FileFacts, FunctionFact
from migration.consolidation.sources.modules import ModuleNames

_MOST_STEPS: Final = 40  #: largest number of steps to follow one name; a longer path is taken for a circle


_Variable = tuple[str, int, str]
"""A file, a scope in it, and a name."""


class Names:
    """Finds what names mean.

    Args:
        modules: all modules of the tree.
        facts: the facts of the files that were read, by path. Names in other files have no known meaning.
    """

    def __init__(self, modules: ModuleNames, facts: Mapping[str, FileFacts]) -> None:
        self.modules = modules
        self._facts = facts
        self._members: dict[tuple[str, str], Meaning | None] = {}
        self._variables: dict[_Variable, Meaning | None] = {}
        self._following: dict[_Variable, Meaning | None] = {}  #: variables that are being looked up, and what was found on the way
        self._locals = LocalNames(facts)

    def facts_of(self, module: str) -> FileFacts | None:
        """Return the facts of the module; None: it was not read."""
        path = self.modules.path(module)
        return self._facts.get(path) if path is not None else None

    def class_of(self, meaning: Meaning) -> ClassFact | None:
        """Return the class that is meant, or the class of the instance that is meant; None: neither."""
        path = self.modules.path(meaning.module)
        return self._locals.class_named(path, meaning.name) if path is not None and path in self._facts else None

    def function_of(self, meaning: Meaning) -> FunctionFact | None:
        """Return the function or the method that is meant; None: something else is meant."""
        facts = self.facts_of(meaning.module)
        if facts is None:
            return None
        owner, _, name = meaning.name.rpartition(".")
        item = self.class_of(Meaning("object", meaning.module, owner)) if owner else None
        functions = facts.functions if not owner else item.methods if item is not None else ()
        return next((function for function in functions if function.name == name), None)

    def member(self, module: str, name: str) -> Meaning | None:
        """Return what `from module import name` imports; None: unknown."""
        return self._member(module, name, _MOST_STEPS)

    def _member(self, module: str, name: str, steps: int) -> Meaning | None:
        key = (module, name)
        if key not in self._members:
            self._members[key] = None  # a circle of imports ends here
            self._members[key] = self._find_member(module, name, steps - 1) if steps else None
        return self._members[key]

    def _find_member(self, module: str, name: str, steps: int) -> Meaning | None:
        facts = self.facts_of(module)
        submodule = f"{module}.{name}"
        if facts is not None and (path := self.modules.path(module)) is not None:
            if self._locals.defines(path, name):
                return Meaning("object", module, name)
            # Checked before plain assignments, because in `except ImportError: name = None` the assignment is a fallback, not the meaning
            # of the name.
            if (found := self._imported(path, 0, name, steps)) is not None:
                return found
            if name in facts.definitions:
                return self._alias(path, facts, name, steps) or Meaning("object", module, name)
            if (found := self._from_star(path, name, steps) or self._from_lazy(path, facts, name, steps)) is not None:
                return found
        return Meaning("module", submodule) if self.modules.exists(submodule) else None

    def _alias(self, path: str, facts: FileFacts, name: str, steps: int) -> Meaning | None:
        values = (alias.value for alias in facts.aliases if alias.name == name and alias.value != name)
        found = (self._dotted(path, 0, value, steps) for value in values)
        return next((meaning for meaning in found if meaning is not None and meaning.kind != "instance"), None)

    def _from_star(self, path: str, name: str, steps: int) -> Meaning | None:
        for statement in self._locals.stars(path):
            module = self.modules.absolute(path, statement.level, statement.module)
            if self._is_public(module, name) and (found := self._member(module, name, steps)) is not None:
                return found
        return None

    def _is_public(self, module: str, name: str) -> bool:
        facts = self.facts_of(module)
        if facts is None or facts.public_names is None:
            return not name.startswith("_")
        return name in facts.public_names

    def _from_lazy(self, path: str, facts: FileFacts, name: str, steps: int) -> Meaning | None:
        value = next((value for key, value in facts.lazy if key == name), None)
        if value is None:
            return None
        module, _, attribute = value.partition(":")
        level = len(module) - len(module.lstrip("."))
        base = self.modules.absolute(path, level, module.lstrip("."))
        return self._member(base, attribute or name, steps) or self.object_named(path, value)

    def _imported(self, path: str, scope: int, name: str, steps: int) -> Meaning | None:
        # The first import of a name whose object is found counts: a later import, as in `except`, is a fallback.
        for statement, index in self._locals.imported(path, scope, name):
            imported = statement.names[index]
            if not statement.plain:
                found = self._member(self.modules.absolute(path, statement.level, statement.module), imported.name, steps)
            else:
                module = imported.name if imported.alias else imported.name.partition(".")[0]
                module = self.modules.absolute(path, 0, module)
                found = Meaning("module", module) if self.modules.exists(module) else None
            if found is not None:
                return found
        return None

    def dotted(self, path: str, scope: int, name: str) -> Meaning | None:
        """Return what a dotted name means in a scope of the file at `path`; `()` in the name means a call. None: unknown."""
        return self._dotted(path, scope, name, _MOST_STEPS)

    def _dotted(self, path: str, scope: int, name: str, steps: int) -> Meaning | None:
        if not steps:
            return None
        parts = name.replace("()", ".()").split(".")
        meaning, rest = self._root(path, scope, parts, steps - 1)
        for part in rest:
            if meaning is None:
                return None
            meaning = self._called(meaning, steps - 1) if part == "()" else self._attribute(meaning, part, steps - 1)
        return meaning

    def _root(self, path: str, scope: int, parts: list[str], steps: int) -> tuple[Meaning | None, list[str]]:
        """Return the meaning of the first part, or of the first two parts if they are `self.attribute`, and the remaining parts."""
        facts = self._facts[path]
        owner = self._method_of(facts, scope)
        if parts[:2] == ["super", "()"] and owner is not None:
            return self._inherited(path, facts, owner, steps), parts[2:]
        if owner is not None and parts[0] == facts.scopes[owner].self_name:
            class_scope = facts.scopes[owner].parent
            itself = Meaning("instance", self.modules.name(path), facts.scopes[class_scope].name)
            method = self.function_of(Meaning("object", itself.module, facts.scopes[owner].name))
            if method is not None and method.kind == "class":
                return Meaning("object", itself.module, itself.name), parts[1:]
            if len(parts) > 1 and (bound := self._bound(path, class_scope, "self." + parts[1], steps)) is not None:
                return bound, parts[2:]
            return itself, parts[1:]
        return self._variable(path, scope, parts[0], steps), parts[1:]

    def _variable(self, path: str, scope: int, name: str, steps: int) -> Meaning | None:
        """Return what a plain name means in a scope.

        A scope that binds the name hides the outer name, no matter what kind of statement binds it.
        """
        scopes = self._facts[path].scopes
        number, inner = scope, True
        while number >= 0:
            holder = scopes[number]
            if inner or holder.kind != "class":
                if name in holder.from_module:
                    number, holder = 0, scopes[0]
                found = self._bound(path, number, name, steps) or self._imported(path, number, name, steps)
                if found is not None:
                    return found
                if name in holder.hides:
                    outer = self._variable(path, holder.parent, name, steps) if name in holder.parameters else None
                    return outer if outer is not None and self._is_fixture(outer) else None
            number, inner = holder.parent, False
        return self._member(self.modules.name(path), name, steps)

    def _is_fixture(self, meaning: Meaning) -> bool:
        function = self.function_of(meaning)
        return function is not None and function.fixture

    @staticmethod
    def _method_of(facts: FileFacts, scope: int) -> int | None:
        while scope >= 0:
            if facts.scopes[scope].self_name:
                return scope
            scope = facts.scopes[scope].parent
        return None

    def _inherited(self, path: str, facts: FileFacts, method: int, steps: int) -> Meaning | None:
        class_scope = facts.scopes[method].parent
        item = self._locals.class_named(path, facts.scopes[class_scope].name)
        found = (self._dotted(path, item.scope, base, steps) for base in item.bases) if item is not None else ()
        return next((Meaning("instance", base.module, base.name) for base in found if base is not None and base.kind == "object"), None)

    def _bound(self, path: str, scope: int, name: str, steps: int) -> Meaning | None:
        """Return what a variable holds; None: unknown.

        Variables may depend on each other in circles, and the number of paths through a circle grows very quickly. So each variable is
        looked up only once for each question.
        """
        key = (path, scope, name)
        if (binding := self._locals.bound(path, scope, name)) is None or not steps:
            return None
        if key in self._variables:
            return self._variables[key]
        if key in self._following:
            return self._following[key]
        is_question = not self._following
        self._following[key] = None  # a circle ends here
        try:
            found = self._following[key] = self._held(binding, path, scope, name, steps)
            if is_question:
                # A variable that was not found within a circle may be found from outside of it, so this result is not kept.
                self._variables |= {other: meaning for other, meaning in self._following.items() if meaning is not None}
                self._variables[key] = found
        finally:
            if is_question:
                self._following.clear()
        return found

    def _held(self, binding: BindingFact, path: str, scope: int, name: str, steps: int) -> Meaning | None:
        """Return the first value of a variable that is known."""
        for value in binding.values:
            if binding.by == "import":
                return self.object_named(path, value)
            # Without this, `engine = engine` would look itself up endlessly.
            if value.removesuffix("()") == name:
                continue
            found = self._dotted(path, scope, value, steps - 1)
            if found is None:
                continue
            if binding.by == "instance":
                found = Meaning("instance", found.module, found.name) if self.class_of(found) is not None else None
            elif binding.by == "value" and scope == 0 and found.kind == "object":
                continue  # a top-level alias, which `member` follows
            if found is not None:
                return found
        return None

    def value(self, meaning: Meaning) -> Meaning:
        """Return the instance that a top-level variable of a module holds; any other meaning is returned unchanged."""
        return self._value(meaning, _MOST_STEPS)

    def _value(self, meaning: Meaning, steps: int) -> Meaning:
        path = self.modules.path(meaning.module)
        if meaning.kind != "object" or path not in self._facts or path is None or "." in meaning.name:
            return meaning
        return meaning if self._locals.defines(path, meaning.name) else self._bound(path, 0, meaning.name, steps) or meaning

    def _attribute(self, meaning: Meaning, name: str, steps: int) -> Meaning | None:
        if meaning.kind == "module":
            return self._member(meaning.module, name, steps)
        found: Meaning | None = self._value(meaning, steps)
        if found is not None and self.class_of(found) is None:
            # pytest passes a fixture's value under the fixture's name, and functions have no attributes that matter here.
            found = self._called(found, steps)
        item = self.class_of(found) if found is not None else None
        if found is None or item is None:
            return None
        for owner, base in self._with_bases(found.module, item, steps):
            if any(method.name == name for method in base.methods) or self.class_of(Meaning("object", owner, f"{base.name}.{name}")):
                return Meaning("object", owner, f"{base.name}.{name}")
            annotated = dict(base.attributes).get(name)
            path = self.modules.path(owner)
            if path is None:
                continue
            kind = self._dotted(path, 0, annotated, steps) if annotated else None
            if kind is not None:
                return Meaning("instance", kind.module, kind.name)
            scope = next((number for number, scope in enumerate(self._facts[path].scopes) if scope.name == base.name), -1)
            if scope > 0 and steps and (bound := self._bound(path, scope, f"self.{name}", steps - 1)) is not None:
                return bound
        return None

    def bases(self, meaning: Meaning) -> Iterator[Meaning]:
        """Yield the class that is meant and then all known classes that it inherits from."""
        item = self.class_of(meaning)
        if item is not None:
            yield from (Meaning("object", module, base.name) for module, base in self._with_bases(meaning.module, item, _MOST_STEPS))

    def _with_bases(self, module: str, item: ClassFact, steps: int) -> Iterator[tuple[str, ClassFact]]:
        yield module, item
        path = self.modules.path(module)
        if path is None or not steps:
            return
        for base in item.bases:
            if base == item.name:  # `class Engine(Engine)`: the base is an imported name that this class hides
                found = self._imported(path, item.scope, base, steps - 1)
            else:
                found = self._dotted(path, item.scope, base, steps - 1)
            inherited = self.class_of(found) if found is not None else None
            if found is not None and inherited is not None and inherited is not item:
                yield from self._with_bases(found.module, inherited, steps - 1)

    def called(self, meaning: Meaning) -> Meaning | None:
        """Return the instance that a call returns; None: unknown."""
        return self._called(meaning, _MOST_STEPS)

    def _called(self, meaning: Meaning, steps: int) -> Meaning | None:
        """Return the result of a call: an instance of the called class or of the first class in the return annotation, or what the body
        returns.
        """
        if meaning.kind == "object" and self.class_of(meaning) is not None:
            return Meaning("instance", meaning.module, meaning.name)
        function = self.function_of(meaning)
        path = self.modules.path(meaning.module)
        if function is None or path is None or not steps:
            return None
        owner = meaning.name.rpartition(".")[0]
        for name in function.returns:
            if name.rpartition(".")[2] == "Self" and owner:
                return Meaning("instance", meaning.module, owner)
            found = self._dotted(path, 0, name, steps - 1)
            if found is not None and self.class_of(found) is not None:
                return Meaning("instance", found.module, found.name)
        scopes = enumerate(self._facts[path].scopes)
        scope = next((number for number, scope in scopes if scope.kind == "function" and scope.name == meaning.name), 0)
        returned = self._bound(path, scope, RETURNED, steps - 1) if scope else None
        return returned if returned is not None and returned.kind == "instance" else None

    def object_named(self, path: str | None, text: str) -> Meaning | None:
        """Return what a string, `a.b.c` or `a.b:c`, names; None: it does not name an object of the tree.

        Relative names start at `path`, a Python file.
        """
        module, _, attributes = text.partition(":")
        level = len(module) - len(module.lstrip("."))
        if path is None and level:
            return None
        parts = (self.modules.absolute(path, level, module.lstrip(".")) if path is not None else module).split(".")
        names = attributes.split(".") if attributes else []
        for length in range(len(parts), 0, -1):
            candidate = ".".join(parts[:length])
            if self.modules.exists(candidate):
                return self._down(Meaning("module", candidate), [*parts[length:], *names])
        return None

    def _down(self, meaning: Meaning, names: list[str]) -> Meaning | None:
        for name in names:
            found = self._attribute(meaning, name, _MOST_STEPS)
            if found is None:
                # The rest is an instance attribute, or an invented part of a logger's name: only the part that can be resolved counts.
                return meaning if meaning.kind == "object" or self.facts_of(meaning.module) is not None else None
            meaning = found
        return meaning
