"""Settings from variables: each field of a struct is read from `NETRA_MIGRATION_<FIELD>`, and an error is a sentence about the value."""

import difflib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from migration.errors import ConfigurationError

_Settings = TypeVar("_Settings", bound=msgspec.Struct)
PREFIX: Final = "NETRA_MIGRATION_"
_WORDS: Final = {
    **dict.fromkeys(("yes", "y", "on", "true", "t", "1"), True),
    **dict.fromkeys(("no", "n", "off", "false", "f", "0"), False),
}


class Secret:
    """A text that is neither printed nor serialised."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text


class FromVariables(msgspec.StructMeta):
    """The metaclass of a frozen struct whose constructor reads missing values from the environment.

    Decoding a struct, and replacing its fields, do not read the environment.

    Values that are neither passed nor in the environment come from the class's `defaults(project)`.

    Raises:
        ConfigurationError: values cannot be used; each is named with the expected form. The value is not quoted, because it may be a
            secret.
    """

    def __call__(cls, **given: Any) -> Any:  # noqa: ANN401, D102, N805 - any field's value, checked below; a metaclass calls its class `cls`
        found = {**_in_environment(), **given}
        # If `project` is empty, a project is searched for, and the settings contain the result.
        project = found.pop("project", None)
        read = values(cls, {**_defaults(cls, project), **found})
        return super().__call__(**read, **{name: given[name] for name in given if name not in read})


def from_environment(kind: type[_Settings]) -> _Settings:
    """Return the settings from variables alone, without the class's `defaults`. Raises ConfigurationError."""
    return msgspec.convert(values(kind, _in_environment()), kind, dec_hook=_custom)


def values(settings: Any, found: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - to mypy, such a class is not yet a struct
    """Return the values found for the settings' fields, each checked and converted.

    Raises:
        ConfigurationError: values cannot be used; each is named with the expected form.
    """
    read, problems = {}, []
    for field in msgspec.structs.fields(settings):
        if field.name in found:
            try:
                read[field.name] = _read(found[field.name], field.type)
            except ValueError:  # also msgspec's
                problems.append(f"{variable(field.name)}: must be {_wanted(field.type)}")
    if problems:
        raise ConfigurationError("; ".join(problems))
    return read


class Described(NamedTuple):
    """A setting, for its documentation."""

    variable: str
    default: Any  #: None if it depends on where the program runs
    description: str


def described(settings: type[msgspec.Struct]) -> Iterator[Described]:
    """Yield each setting in the order of the class."""
    for field in msgspec.structs.fields(settings):
        default = None if field.default is msgspec.NODEFAULT else field.default
        shown = default.reveal() if isinstance(default, Secret) else default
        _, meta = get_args(field.type)
        yield Described(variable(field.name), shown, meta.description)


def variable(field: str) -> str:
    """Return the variable that this field is read from."""
    return f"{PREFIX}{field.upper()}"


def misspelt(settings: type[msgspec.Struct], environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that has no effect although its name looks like one of these settings."""
    ours = [variable(name) for name in settings.__struct_fields__]
    unknown = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in ours)
    close = {name: difflib.get_close_matches(name.upper(), ours, n=1, cutoff=0.8) for name in unknown}
    return [
        f"{name} is not a setting" + (f"; did you mean {close[name][0]}?" if close[name] else "; docs/settings.md lists all settings")
        for name in unknown
    ]


def encode(settings: msgspec.Struct) -> bytes:
    """Return the settings as JSON for another process of the migration; secrets are left out."""
    return msgspec.json.encode(settings, enc_hook=_without_secrets)


def decode(kind: type[_Settings], encoded: bytes) -> _Settings:
    """Return the settings that `encode` wrote; the environment is not read."""
    return msgspec.json.decode(encoded, type=kind, dec_hook=_custom)


def _defaults(cls: Any, project: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    found: dict[str, Any] = cls.defaults(project)
    return found


def _in_environment() -> dict[str, str]:
    return {name[len(PREFIX) :].lower(): text for name, text in os.environ.items() if name.upper().startswith(PREFIX)}


def _read(value: Any, kind: Any) -> Any:  # noqa: ANN401 - any value; the result has the type of the field
    if isinstance(value, str):
        value = _from_text(value, kind)
    read = msgspec.convert(value, kind, strict=False, dec_hook=_custom)
    if isinstance(read, float) and not math.isfinite(read):
        raise ValueError("is not finite")
    return read


def _from_text(text: str, kind: Any) -> Any:  # noqa: ANN401 - a type, and a value for msgspec
    plain, *_ = get_args(kind)
    options = get_args(plain)
    if plain is Path or Path in options:
        return Path(text) if text or plain is Path else None
    if plain is bool:
        return _WORDS.get(text.strip().lower(), text)
    if plain in (int, float):
        return text.strip()
    if str in options:  # a list of names
        return tuple(json.loads(text)) if text.lstrip().startswith("[") else tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _custom(kind: type, value: Any) -> Any:  # noqa: ANN401 - msgspec's own signature
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise ValueError(f"is not text for a {kind.__name__}")  # noqa: TRY004 - msgspec expects this type for a wrong value
    return kind(value)


def _without_secrets(value: Any) -> str:  # noqa: ANN401 - msgspec's own signature
    return "" if isinstance(value, Secret) else str(value)


def _wanted(kind: Any) -> str:  # noqa: ANN401 - a type
    """Return the values that the field accepts, as text."""
    plain, meta = get_args(kind)
    if plain in (int, float):
        return f"a {'whole ' if plain is int else ''}number{_bounds(meta)}"
    if plain is bool:
        return "yes or no"
    if get_origin(plain) is tuple:
        return "names, separated by commas, or a JSON list of them"
    words = [word for option in (plain, *get_args(plain)) if get_origin(option) is Literal for word in get_args(option)]
    return f"one of: {', '.join(words)}" if words else "a text"


def _bounds(meta: msgspec.Meta) -> str:
    if meta.gt is not None:
        return f" above {meta.gt:g}"
    if meta.le is not None:
        return f" from {meta.ge:g} to {meta.le:g}"
    return f", {meta.ge} or more" if meta.ge is not None else ""
