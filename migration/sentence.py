"""A sentence keeps our own words apart from quoted data until it is shown or stored.

The literal parts are our words. The quoted parts are data: names of lanes, fields and tools, texts of exceptions. Redaction changes only
the quoted parts. So our wording may change freely, and a user who writes the same words cannot hide data from redaction.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from string import Formatter

import msgspec


class Sentence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Alternating parts, starting with a literal one: literal, quoted, literal, ... `str()` returns the whole text."""

    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the whole text, with the quoted parts."""
        return "".join(self.parts)

    def quoting(self, change: Callable[[str], str]) -> str:
        """Return the text with each quoted part replaced by the result of `change`."""
        return "".join(change(part) if place % 2 else part for place, part in enumerate(self.parts))


def say(template: str, /, **values: Sentence | int | str) -> Sentence:
    """Return the sentence of a template and its values.

    Args:
        template: a string literal with `{names}`; a test rejects other expressions. Braces in the text are doubled, as in `str.format`.
        values: a `Sentence` keeps its parts, a number counts as our word, and any other text is quoted.

    Raises:
        KeyError: the template names a value that is not given.
    """
    parts: list[str] = []
    for literal, name in _parsed(template):
        _extend(parts, (literal,))
        if name is not None:
            _extend(parts, _parts(values[name]))
    return Sentence(tuple(parts))


def word(text: str) -> Sentence:
    """Return one of our own words, from a closed vocabulary in the code, as a part of a sentence. It is never redacted."""
    return Sentence((text,))


def quoted(text: str) -> Sentence:
    """Return data as a part of a sentence."""
    return Sentence(("", text))


def joined(sentences: Iterable[Sentence], between: str = "") -> Sentence:
    """Join several sentences to one, with our own text between them."""
    parts: list[str] = [""]
    for number, sentence in enumerate(sentences):
        _extend(parts, (between if number else "",))
        _extend(parts, sentence.parts)
    return Sentence(tuple(parts))


def _extend(parts: list[str], more: tuple[str, ...]) -> None:
    """Append the parts of a sentence; if a literal part follows a literal part, the two are joined."""
    if len(parts) % 2 and more:
        parts[-1] += more[0]
        parts += more[1:]
    else:
        parts += more


def _parts(value: Sentence | int | str) -> tuple[str, ...]:
    if isinstance(value, Sentence):
        return value.parts
    return ("", value) if isinstance(value, str) else (str(value),)


@lru_cache(maxsize=256)
def _parsed(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))
