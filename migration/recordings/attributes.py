"""Attributes of spans in any form: OTLP's list of typed values, a flat object with dots in its keys, or a nested one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from migration.errors import RecordingError

_TYPED: Final = ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue")


class Attributes:
    """Attributes by their dotted names.

    Args:
        written: the attributes as they are in the file.

    Raises:
        RecordingError: the value is not in any form of attributes.
    """

    def __init__(self, written: object) -> None:
        if isinstance(written, list):
            written = {
                one["key"]: _value(one.get("value")) for one in written if isinstance(one, Mapping) and isinstance(one.get("key"), str)
            }
        if not isinstance(written, Mapping):
            raise RecordingError("a span whose attributes are neither an object nor a list of keys and values")
        self.flat: dict[str, Any] = dict(_flat(written, ""))
        self._written = written

    def get(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the value of that name as it is in the file; None if there is none."""
        if name in self.flat:
            return self.flat[name]
        value: Any = self._written
        if name in self._written:
            return self._written[name]
        for step in name.split("."):
            if not isinstance(value, Mapping):
                return None
            value = value.get(step)
        return value

    def under(self, prefix: str) -> list[Any]:
        """Return the numbered values below the prefix as a list of objects or of plain values; () if there are none.

        Raises:
            RecordingError: a number is missing.
        """
        nested = self.get(prefix)
        if isinstance(nested, list):
            return nested
        numbered: dict[int, Any] = {}
        for name, value in self.flat.items():
            if name.startswith(f"{prefix}.") and (steps := name[len(prefix) + 1 :].split("."))[0].isdecimal():
                _put(numbered, [int(steps[0]), *steps[1:]], value)
        if sorted(numbered) != list(range(len(numbered))):
            raise RecordingError(
                f"the span lacks attributes in the middle of a list ({prefix}), so its messages are incomplete; a tracer drops the "
                "oldest ones beyond OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, which is 128 by default"
            )
        return [_lists(numbered[number]) for number in range(len(numbered))]

    def has(self, prefix: str) -> bool:
        """Return whether there is a value of this name or below it."""
        return self.get(prefix) is not None or any(name.startswith(f"{prefix}.") for name in self.flat)


def _put(tree: dict[Any, Any], steps: list[Any], value: object) -> None:
    for step in steps[:-1]:
        inside = tree.setdefault(step, {})
        if not isinstance(inside, dict):
            return  # a name has a value and also names below it: keep the value
        tree = inside
    tree[steps[-1]] = value


def _lists(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the value, in which each object whose keys are all numbers is replaced by a list."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, str) and key.isdecimal() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(inside) for key, inside in value.items()}


def _flat(written: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in written.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _value(typed: object) -> Any:  # noqa: ANN401 - any JSON
    """Return a typed value of OTLP as a plain value."""
    if not isinstance(typed, Mapping):
        return None
    for name in _TYPED:
        if name in typed:
            value = typed[name]
            return int(value) if name == "intValue" and isinstance(value, str) and value.lstrip("-").isdecimal() else value
    inside = typed.get("arrayValue")
    if isinstance(inside, Mapping):
        values = inside.get("values")
        return [_value(one) for one in values] if isinstance(values, list) else []
    inside = typed.get("kvlistValue")
    if isinstance(inside, Mapping) and isinstance(inside.get("values"), list):
        return {
            one["key"]: _value(one.get("value")) for one in inside["values"] if isinstance(one, Mapping) and isinstance(one.get("key"), str)
        }
    return None
