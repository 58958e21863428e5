"""Reads TOML files written by people as typed values, and reports errors with their line."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from migration.errors import ConfigurationError

Step = str | int
"""A key, or the index of a table or a value in a list."""

_T = TypeVar("_T")
_AT_LINE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_AT_PATH: Final = re.compile(r" - at `\$(?P<path>.*)`$")
_STEPS: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN: Final = re.compile(r"unknown field `(.+?)`")
_HEADER: Final = re.compile(r"\s*\[(\[)?\s*([^\[\]]+?)\s*\](?(1)\])\s*(?:#.*)?$")
_KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART: Final = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


class TomlText:
    """A TOML text and its source.

    Args:
        written: the TOML text.
        source: the name of the text in errors, usually the file.

    Raises:
        ConfigurationError: the text is not TOML.
    """

    def __init__(self, written: str, source: str) -> None:
        self.written, self.source = written, source
        try:
            self.document: dict[str, Any] = tomllib.loads(written)
        except tomllib.TOMLDecodeError as error:
            at = _AT_LINE.search(str(error))
            line = at[1] if at and at[1] else len(written.splitlines())
            raise ConfigurationError(f"{source}:{line}: {_AT_LINE.sub('', str(error))}; repair the TOML") from error

    @classmethod
    def of(cls, file: Path, what: str) -> "TomlText":
        """Return the text of a file.

        Args:
            file: the file.
            what: the purpose of the file for errors, e.g. "the policy".

        Raises:
            ConfigurationError: the file cannot be read or is not TOML.
        """
        try:
            return cls(file.read_text(encoding="utf-8-sig"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: {what} cannot be read ({error})") from error

    def place(self, *path: Step) -> str:
        """Return "source:line" of the value at the path, or of the closest surrounding one that has a line."""
        lines = dict(reversed(list(_lines(self.written))))
        for length in range(len(path), 0, -1):
            if (line := lines.get(path[:length])) is not None:
                return f"{self.source}:{line}"
        return self.source

    def error(self, message: str, *path: Step) -> ConfigurationError:
        """Return the error about the value at the path."""
        return ConfigurationError(f"{self.place(*path)}: {message}")

    def read(self, kind: type[_T], *table: str) -> _T:
        """Return a table as a value of that type; a missing table counts as empty.

        Args:
            kind: the type of the value, a struct.
            table: path of the table; empty: the whole text.

        Raises:
            ConfigurationError: a field is missing, unknown or of the wrong type.
        """
        found: Any = self.document
        for name in table:
            found = found.get(name, {}) if isinstance(found, dict) else found
        try:
            return msgspec.convert(found, kind)
        except msgspec.ValidationError as error:
            text = str(error)
            unknown = _UNKNOWN.search(text)
            path = (*table, *_steps(_AT_PATH.search(text)), *([unknown[1]] if unknown else []))
            raise self.error(text.replace("Object ", "the table "), *path) from error


def _steps(told: re.Match[str] | None) -> Iterator[Step]:
    """Yield the parts of msgspec's path that are exact: below a table with arbitrary keys, msgspec writes `[...]`."""
    for key, index in _STEPS.findall(told["path"] if told else ""):
        if index == "...":
            return
        yield int(index) if index else key


def _lines(written: str) -> Iterator[tuple[tuple[Step, ...], int]]:
    """Yield the path of each table and key with its line, from 1. Text inside a multi-line string that looks like a header counts too."""
    here: tuple[Step, ...] = ()
    counts: dict[tuple[Step, ...], int] = {}
    for number, line in enumerate(written.splitlines(), 1):
        if (header := _HEADER.match(line)) is not None:
            here = _parts(header[2], counts)
            if header[1]:
                index = counts[here] = counts.get(here, -1) + 1
                yield here, number
                here = (*here, index)
            yield here, number
        elif (key := _KEY.match(line)) is not None:
            yield (*here, *_names(key[1])), number


def _parts(dotted: str, counts: dict[tuple[Step, ...], int]) -> tuple[Step, ...]:
    """Return the path of a header; below a list of tables, it is in the last table."""
    path: tuple[Step, ...] = ()
    names: Sequence[str] = _names(dotted)
    for position, name in enumerate(names):
        path = (*path, name)
        if position < len(names) - 1 and path in counts:
            path = (*path, counts[path])
    return path


def _names(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]
