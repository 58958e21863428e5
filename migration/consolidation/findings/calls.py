"""Calls of classes, methods and functions of implementations, and whether they fit the signature of the callee and of the target."""

from collections.abc import Iterator, Mapping

import msgspec

from migration.consolidation.findings.implementations import Family
from migration.consolidation.findings.meaning import Meaning
from migration.consolidation.findings.names import Names
from migration.consolidation.inventory import AttributeUse, Call, CallKind, Subclass
from migration.consolidation.reading.facts import CallFact, FileFacts, Signature
from migration.consolidation.reading.signatures import NO_ARGUMENTS, misfit


class CallFinder:
    """Finds calls of implementations.

    Args:
        names: the meaning of names in all files that can matter.
        facts: the facts of all files that can matter, by path.
        family: the implementations.
        target: the class that stays.
        factory: the target's factory, which stays too.
    """

    def __init__(self, names: Names, facts: Mapping[str, FileFacts], family: Family, target: Meaning, factory: Meaning) -> None:
        self._names = names
        self._facts = facts
        self._family = family
        self._target = target
        self._staying = {target.module, factory.module}

    def calls(self) -> Iterator[Call]:
        """Yield every call, from other files, of something that an implementation defines."""
        for path, facts in self._facts.items():
            own = self._names.modules.name(path)
            for call in facts.calls:
                meaning = self._names.dotted(path, call.scope, call.callee)
                if meaning is None or meaning.kind == "module" or meaning.module == own or meaning.module not in self._family.modules:
                    continue
                shape = _without_instance(call) if self._is_unbound(path, call, meaning) else call
                if (found := self._call(path, shape, meaning)) is not None:
                    yield found

    def _is_unbound(self, path: str, call: CallFact, meaning: Meaning) -> bool:
        """Return whether a method is called on the class, so that the instance is its first argument."""
        receiver = call.callee.rpartition(".")[0]
        method = self._names.function_of(meaning) if receiver and meaning.kind == "object" and "." in meaning.name else None
        if method is None or method.kind != "method":
            return False
        holder = self._names.dotted(path, call.scope, receiver)
        value = self._names.value(holder) if holder is not None else None
        return value is not None and value.kind == "object" and self._names.class_of(value) is not None

    def _call(self, path: str, call: CallFact, meaning: Meaning) -> Call | None:
        if self._names.class_of(meaning) is not None:
            if meaning.kind == "instance":
                return None  # an instance that is called like a function
            kind: CallKind = "constructor"
            signature = self.constructor(meaning)
            wanted = self.constructor(self._target)
        elif (function := self._names.function_of(meaning)) is not None:
            if function.kind == "property":
                return None
            kind = "method" if "." in meaning.name else "function"
            if meaning.name.endswith(".__init__"):
                kind = "constructor"
            signature = function.signature
            wanted = self._of_target(meaning, kind)
        else:
            return None
        return Call(
            path=path,
            line=call.line,
            column=call.column,
            text=call.callee,
            kind=kind,
            module=meaning.module,
            name=meaning.name,
            positional=call.positional,
            keywords=call.keywords,
            unpacks=call.unpacks,
            misfit=misfit(signature, call) if signature is not None else None,
            target_misfit=self._target_misfit(meaning, kind, wanted, call),
        )

    def constructor(self, meaning: Meaning) -> Signature | None:
        """Return the signature of a class's constructor; None if it cannot be determined without running code."""
        for base in self._names.bases(meaning):
            item = self._names.class_of(base)
            if item is None or item.generated_init:
                return None
            initialiser = next((method for method in item.methods if method.name == "__init__"), None)
            if initialiser is not None:
                return initialiser.signature
            if any(method.name == "__new__" for method in item.methods) or len(item.bases) > self._known_bases(base):
                return None
        return NO_ARGUMENTS if self._names.class_of(meaning) is not None else None

    def _known_bases(self, meaning: Meaning) -> int:
        item = self._names.class_of(meaning)
        direct = [base for base in self._names.bases(meaning) if base != meaning]
        return min(len(direct), len(item.bases)) if item is not None else 0

    def _of_target(self, meaning: Meaning, kind: CallKind) -> Signature | None:
        name = meaning.name.rpartition(".")[2]
        if kind == "constructor":
            return self.constructor(self._target)
        for base in self._names.bases(self._target) if kind == "method" else ():
            item = self._names.class_of(base)
            found = next((method for method in (item.methods if item else ()) if method.name == name), None)
            if found is not None:
                return found.signature
        return None

    def _target_misfit(self, meaning: Meaning, kind: CallKind, wanted: Signature | None, call: CallFact) -> str | None:
        if meaning.module in self._staying or self._names.class_of(self._target) is None:
            return None
        if wanted is not None:
            return misfit(wanted, call)
        if kind == "constructor":
            return None
        return (
            f"{self._target.name} has no method {meaning.name.rpartition('.')[2]}" if kind == "method" else "not a function of the target"
        )


def _without_instance(call: CallFact) -> CallFact:
    """Return the call as it would be written on the instance, which is the first argument or the argument `self`."""
    if call.positional:
        return msgspec.structs.replace(call, positional=call.positional - 1)
    return msgspec.structs.replace(call, keywords=tuple(name for name in call.keywords if name != "self"))


def find_attribute_uses(names: Names, facts: Mapping[str, FileFacts], family: Family) -> Iterator[AttributeUse]:
    """Yield every object of an implementation that is used as an attribute of a module."""
    for path, file in facts.items():
        own = names.modules.name(path)
        for use in file.uses:
            parts = use.text.split(".")
            for length in range(1, len(parts)):
                holder = names.dotted(path, use.scope, ".".join(parts[:length]))
                if holder is None or holder.kind != "module":
                    break
                found = names.member(holder.module, parts[length])
                if found is not None and found.kind != "module" and found.module in family.modules and found.module != own:
                    module = holder.module if holder.module in family.modules else found.module
                    yield AttributeUse(path=path, line=use.line, text=use.text, module=module, name=found.name)
                    break


def find_subclasses(names: Names, facts: Mapping[str, FileFacts], family: Family) -> Iterator[Subclass]:
    """Yield every class outside of the implementations that inherits from one of their classes."""
    for path, file in facts.items():
        module = names.modules.name(path)
        if module in family.modules:
            continue
        for item in file.classes:
            bases = (names.dotted(path, item.scope, base) for base in item.bases)
            direct = next((base for base in bases if base is not None and base.module in family.modules and base.kind == "object"), None)
            if direct is not None:
                yield Subclass(path=path, line=item.line, name=item.name, inherits=direct.text)
