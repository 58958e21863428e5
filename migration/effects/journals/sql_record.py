"""The record of database reads: each value of a row is stored so that a replay gets a value of the same type."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, Final
from uuid import UUID

import msgspec

from migration.errors import RecordedEffectError

_LARGEST: Final = 2**63  #: from this number on, readers of JSON turn whole numbers into floats
#: Types of column values that do not exist in JSON: each is written as a text, and read back from it.
_TYPES: Final[dict[str, Any]] = {one.__name__: one for one in (bytes, bytearray, Decimal, datetime, date, time, timedelta, UUID)}
_encode: Final = msgspec.json.encode


def asked(name: str, statement: str, parameters: Any) -> bytes:  # noqa: ANN401 - a driver's: in order, or by name
    """Return the record of a read, as of a tool."""
    given = (
        {key: _kept(value) for key, value in parameters.items()} if isinstance(parameters, Mapping) else [_kept(one) for one in parameters]
    )
    return _encode({"name": name, "arguments": {"statement": statement, "parameters": given}})


def answered(description: Sequence[Sequence[Any]] | None, rows: Iterable[Sequence[Any]]) -> bytes:
    """Return the record of a read's reply.

    Args:
        description: the columns as a cursor describes them; the name of each is kept, and its type if the driver gives types as numbers.
        rows: the rows in the driver's form.
    """
    columns = [[one[0], one[1] if isinstance(one[1], int) else None] for one in description or ()]
    return _encode({"columns": columns, "rows": [[_kept(value) for value in row] for row in rows]})


def read_back(reply: bytes) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return (description, rows) of a recorded reply.

    Raises:
        RecordedEffectError: it contains a value that cannot be recorded.
    """
    told = msgspec.json.decode(reply)
    description = [(name, code, None, None, None, None, None) for name, code in told["columns"]]
    return description, [tuple(_given(value) for value in row) for row in told["rows"]]


def _kept(value: Any) -> Any:  # noqa: ANN401 - of a column
    """Return the value as JSON, or as `{type: text}`.

    Of any other value, return only its type, because recording must not make a run fail.
    """
    if value is None or isinstance(value, str | bool) or (isinstance(value, int) and -_LARGEST <= value < _LARGEST):
        return value
    if isinstance(value, int | float):
        return value if isinstance(value, float) and isfinite(value) else {type(value).__name__: str(value)}
    if isinstance(value, list | tuple):
        return [_kept(one) for one in value]
    if isinstance(value, dict):
        return {"dict": {str(key): _kept(one) for key, one in value.items()}}
    if type(value).__name__ in _TYPES:
        return {type(value).__name__: msgspec.to_builtins(value)}
    return {"unknown": type(value).__name__}


def _given(value: Any) -> Any:  # noqa: ANN401 - of a column
    if isinstance(value, list):
        return [_given(one) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind == "dict":
        return {key: _given(one) for key, one in text.items()}
    if kind in {"int", "float"}:
        return int(text) if kind == "int" else float(text)
    if kind not in _TYPES:
        raise RecordedEffectError("TypeError", f"a value of type {text} is not on record; read it by a function with @effect")
    return msgspec.convert(text, _TYPES[kind])
