"""Rules: which expression replaces a call of a legacy implementation. The arguments keep their text.

A rule's old form lists the parameters of the call. `name` must be given, and must not be `None`. `name@method` must be given here, or in
each call of this method on the object. `name=...` may be given, and is dropped if the new form does not contain it. `name=value` may be
given, but only with this value. `module:Name` means an object.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from migration.errors import ConfigurationError

_OLD: Final = re.compile(r"(?P<awaited>await\s+)?(?P<callee>[\w.]+:[\w.]+)\((?P<parameters>.*)\)", re.DOTALL)
_OBJECT: Final = re.compile(r"(?<![\w.])[^\W\d]\w*(?:\.[^\W\d]\w*)+:[^\W\d]\w*")
_PIECE: Final = re.compile(rf"\{{(?P<parameter>\w+)\}}|(?P<object>{_OBJECT.pattern})")

Presence = Literal["required", "any", "pinned"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the old form."""

    name: str
    presence: Presence
    value: str = ""  #: the value of a pinned parameter, as written in the rule
    method: str = ""  #: the method that a required parameter may be passed to instead; "": there is none


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The new place of an argument; `self` is the object that the method is called on."""

    name: str


@dataclass(frozen=True, slots=True)
class ObjectName:
    """An object that the new form needs."""

    module: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodemodRule:
    """One call and the expression that replaces it."""

    callee: str  #: `module:name`, e.g. `a.b:Engine.execute_agent`
    awaited: bool  #: the old form is the call together with its `await`
    parameters: tuple[Parameter, ...]
    new: tuple[str | Placeholder | ObjectName, ...]
    awaits: bool  #: the new form contains `await`, so it must be in a coroutine

    def renames(self, method: str) -> bool:
        """Return False if the new form only calls this method on the same object, and awaits it only if the old call was awaited."""
        call = "".join(piece if isinstance(piece, str) else "{self}" if piece == Placeholder("self") else "{}" for piece in self.new)
        return self.awaited != self.awaits or not call.strip().removeprefix("await ").startswith(f"{{self}}.{method}(")

    @property
    def used(self) -> tuple[str, ...]:
        """Return the names of the placeholders of the new form, in order; a name that appears twice is in it twice."""
        return tuple(piece.name for piece in self.new if isinstance(piece, Placeholder))


def parse_rule(old: str, new: str, where: str) -> CodemodRule:
    """Return the rule with this old and new form.

    Args:
        old: e.g. `await a.b:Engine.stats(verbose=...)`.
        new: an expression with `{parameter}` and `module:Name`.
        where: the file and table that contain the rule, for messages.

    Raises:
        ConfigurationError: one of the forms cannot be parsed, or the new form names a parameter that is not required.
    """
    match = _OLD.fullmatch(old.strip())
    if match is None:
        raise ConfigurationError(f"{where}: old = {old!r} is not a `module:name(parameters)`")
    parameters = tuple(_parameters(match["parameters"], old, where))
    pieces = tuple(_pieces(new))
    rule = CodemodRule(
        callee=match["callee"],
        awaited=match["awaited"] is not None,
        parameters=parameters,
        new=pieces,
        awaits=_check_new(pieces, new, where),
    )
    known = {parameter.name for parameter in parameters if parameter.presence == "required"} | {"self"}
    for name in rule.used:
        if name not in known:
            raise ConfigurationError(f"{where}: new = {new!r} uses {{{name}}}, which {old!r} does not require")
    return rule


def _parameters(text: str, old: str, where: str) -> Iterator[Parameter]:
    for written in _split(text):
        name, equals, value = (part.strip() for part in written.partition("="))
        name, at, method = (part.strip() for part in name.partition("@"))
        is_name = name.isidentifier() and (not at or (method.isidentifier() and not equals))
        if not is_name or (equals and not _is_expression(value)):
            raise ConfigurationError(
                f"{where}: {written.strip()!r} in old = {old!r} is not a parameter; write `name`, `name@method`, `name=...` or `name=value`"
            )
        if not equals:
            yield Parameter(name, "required", method=method)
        elif value == "...":
            yield Parameter(name, "any")
        else:
            yield Parameter(name, "pinned", value)


def _split(text: str) -> Iterator[str]:
    """Yield the parts between commas outside brackets."""
    depth, start = 0, 0
    for index, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    if text[start:].strip():
        yield text[start:]


def _is_expression(text: str) -> bool:
    try:
        ast.parse(_OBJECT.sub("name", text), mode="eval")
    except SyntaxError:
        return False
    return True


def _pieces(new: str) -> Iterator[str | Placeholder | ObjectName]:
    position = 0
    for match in _PIECE.finditer(new):
        if match.start() > position:
            yield new[position : match.start()]
        if match["parameter"] is not None:
            yield Placeholder(match["parameter"])
        else:
            module, _, name = match["object"].partition(":")
            yield ObjectName(module, name)
        position = match.end()
    if position < len(new):
        yield new[position:]


def _check_new(pieces: tuple[str | Placeholder | ObjectName, ...], new: str, where: str) -> bool:
    """Return whether the new form awaits something."""
    text = "".join(piece if isinstance(piece, str) else "name" for piece in pieces)
    try:
        expression = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise ConfigurationError(f"{where}: new = {new!r} is not an expression: {error.msg}") from None
    return any(isinstance(node, ast.Await) for node in ast.walk(expression))
